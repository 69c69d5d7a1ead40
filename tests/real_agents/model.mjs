// A scripted model on 127.0.0.1 for the real agent CLIs: Anthropic Messages, OpenAI Responses, OpenAI
// chat completions and Gemini's generateContent, as server-sent events. It thinks nothing: the last line
// `RIG: …` of the newest prompt says what to answer. Every request is appended to a file, so that a test
// can see what an agent sent.
//
//   node model.mjs PORT_FILE REQUESTS_FILE
//
// RIG: run COMMAND     one call of the CLI's shell tool with that command, then a text
// RIG: write PATH TEXT the CLI's own tool for files where it has one, else the shell; then a text
// RIG: fail STATUS     that HTTP status, always
// RIG: silence         nothing at all, and the connection stays
// RIG: say TEXT        a text
// RIG: call TOOL JSON  a call of that tool, then a text
import fs from 'node:fs';
import http from 'node:http';

const [portFile, requestsFile] = process.argv.slice(2);
let calls = 0;

const textOf = (content) =>
  typeof content === 'string'
    ? content
    : (content ?? []).map((part) => part.text ?? '').join('\n');

// What is asked, of any wire: the prompts of people and the model's answers in order, and whether a
// tool answered since the last prompt.
function readRequest(wire, body) {
  if (wire === 'gemini') body = fromGemini(body);
  const prompts = [];
  const said = [];
  let answered = false;
  for (const item of body.messages ?? body.input ?? []) {
    const isResult =
      item.role === 'tool' ||
      item.type === 'function_call_output' ||
      item.type === 'custom_tool_call_output' ||
      (Array.isArray(item.content) && item.content.some((part) => part.type === 'tool_result'));
    const found = item.role === 'user' ? textOf(item.content).match(/^RIG: .*$/gm) : null;
    if (found) {
      prompts.push(found.at(-1).slice('RIG: '.length));
      answered = false;
    }
    if (isResult) answered = true;
    if (item.role === 'assistant' && textOf(item.content)) said.push(textOf(item.content));
  }
  return { prompts, said, answered };
}

// Gemini's contents as Anthropic's messages.
function fromGemini(body) {
  return { messages: (body.contents ?? []).map(({ role, parts }) => ({
    role: role === 'model' ? 'assistant' : 'user',
    content: (parts ?? []).map((part) => (part.functionResponse ? { type: 'tool_result' } : part)),
  })) };
}

// {text} or {tool, input}: what the model does now.
function decide({ prompts, answered }, toolNames) {
  const order = prompts.at(-1);
  if (order === undefined) return { text: 'nothing was asked' };
  const [, verb, rest] = order.match(/^(\S+) ?(.*)$/);
  const done = { text: `done: ${verb}; earlier prompts: ${prompts.length - 1}` };
  if (verb === 'fail') return { status: Number(rest) };
  if (verb === 'silence') return { silent: true };
  if (verb === 'say') return { text: rest };
  if (answered) return done;
  if (verb === 'call') {
    const [, tool, input] = rest.match(/^(\S+) (.*)$/);
    return { tool, input: JSON.parse(input) };
  }
  if (verb === 'write') {
    const [, path, text] = rest.match(/^(\S+) (.*)$/);
    if (toolNames.includes('Write')) {
      return { tool: 'Write', input: { file_path: path, content: `${text}\n` } };
    }
    return shell(`printf '%s\\n' '${text}' > '${path}'`, toolNames);
  }
  return shell(rest, toolNames);
}

function shell(command, toolNames) {
  if (toolNames.includes('Bash')) {
    return { tool: 'Bash', input: { command, description: 'what the test asked for' } };
  }
  if (toolNames.includes('bash')) {
    return { tool: 'bash', input: { command, description: 'what the test asked for' } };
  }
  if (toolNames.includes('exec_command')) {
    return { tool: 'exec_command', input: { cmd: command, yield_time_ms: 600000 } };
  }
  if (toolNames.includes('shell_command')) {
    return { tool: 'shell_command', input: { command } };
  }
  if (toolNames.includes('run_shell_command')) {
    return { tool: 'run_shell_command', input: { command, description: 'what the test asked for', is_background: false } };
  }
  return { tool: 'shell', input: { command: ['bash', '-lc', command] } };
}

const usage = { input_tokens: 1200, output_tokens: 34 };

function* anthropicEvents(answer, model) {
  const id = `msg_rig${++calls}`;
  const block = answer.tool
    ? { type: 'tool_use', id: `toolu_rig${calls}`, name: answer.tool, input: {} }
    : { type: 'text', text: '' };
  const delta = answer.tool
    ? { type: 'input_json_delta', partial_json: JSON.stringify(answer.input) }
    : { type: 'text_delta', text: answer.text };
  yield ['message_start', { message: { id, type: 'message', role: 'assistant', model, content: [],
    stop_reason: null, stop_sequence: null,
    usage: { ...usage, cache_read_input_tokens: 0, cache_creation_input_tokens: 0, output_tokens: 1 } } }];
  yield ['content_block_start', { index: 0, content_block: block }];
  yield ['content_block_delta', { index: 0, delta }];
  yield ['content_block_stop', { index: 0 }];
  yield ['message_delta', { delta: { stop_reason: answer.tool ? 'tool_use' : 'end_turn', stop_sequence: null },
    usage: { output_tokens: usage.output_tokens } }];
  yield ['message_stop', {}];
}

function* openaiEvents(answer) {
  const id = `resp_rig${++calls}`;
  const item = answer.tool
    ? { type: 'function_call', id: `fc_rig${calls}`, call_id: `call_rig${calls}`, name: answer.tool,
        arguments: JSON.stringify(answer.input), status: 'completed' }
    : { type: 'message', id: `msg_rig${calls}`, role: 'assistant', status: 'completed',
        content: [{ type: 'output_text', text: answer.text, annotations: [] }] };
  yield ['response.created', { response: { id, object: 'response', status: 'in_progress', output: [] } }];
  yield ['response.output_item.added', { output_index: 0, item }];
  yield ['response.output_item.done', { output_index: 0, item }];
  yield ['response.completed', { response: { id, object: 'response', status: 'completed', output: [item],
    usage: { ...usage, total_tokens: usage.input_tokens + usage.output_tokens,
      input_tokens_details: { cached_tokens: 0 }, output_tokens_details: { reasoning_tokens: 0 } } } }];
}

function* chatEvents(answer, model) {
  const id = `chatcmpl-rig${++calls}`;
  const delta = answer.tool
    ? { role: 'assistant', content: null, tool_calls: [{ index: 0, id: `call_rig${calls}`, type: 'function',
        function: { name: answer.tool, arguments: JSON.stringify(answer.input) } }] }
    : { role: 'assistant', content: answer.text };
  const chunk = (choices, more = {}) => ['', { id, object: 'chat.completion.chunk', created: 1, model, choices, ...more }];
  yield chunk([{ index: 0, delta, finish_reason: null }]);
  yield chunk([{ index: 0, delta: {}, finish_reason: answer.tool ? 'tool_calls' : 'stop' }]);
  yield chunk([], { usage: { prompt_tokens: usage.input_tokens, completion_tokens: usage.output_tokens,
    total_tokens: usage.input_tokens + usage.output_tokens } });
}

function* geminiEvents(answer, model) {
  const part = answer.tool
    ? { functionCall: { id: `call_rig${++calls}`, name: answer.tool, args: answer.input } }
    : { text: answer.text };
  yield ['', { candidates: [{ index: 0, content: { role: 'model', parts: [part] }, finishReason: 'STOP' }],
    usageMetadata: { promptTokenCount: usage.input_tokens, candidatesTokenCount: usage.output_tokens,
      totalTokenCount: usage.input_tokens + usage.output_tokens }, modelVersion: model }];
}

const events = { anthropic: anthropicEvents, openai: openaiEvents, chat: chatEvents, gemini: geminiEvents };

// By the end of a path.
const wires = [['/messages', 'anthropic'], ['/responses', 'openai'], ['/chat/completions', 'chat'],
  [':streamGenerateContent', 'gemini'], [':generateContent', 'gemini']];

const failures = { 400: 'invalid_request_error', 401: 'authentication_error', 429: 'rate_limit_error' };
const geminiFailures = { 400: 'INVALID_ARGUMENT', 401: 'UNAUTHENTICATED', 429: 'RESOURCE_EXHAUSTED' };

function failureOf(wire, status) {
  const message = `scripted failure ${status}`;
  if (wire === 'gemini') return { error: { code: status, message, status: geminiFailures[status] ?? 'INTERNAL' } };
  return { type: 'error', error: { type: failures[status] ?? 'api_error', message } };
}

// What the wires without names of events have in common.
function writeEvents(wire, answer, model, response) {
  for (const [type, data] of events[wire](answer, model)) {
    const named = type ? [`event: ${type}\n`, { type, ...data }] : ['', data];
    response.write(`${named[0]}data: ${JSON.stringify(named[1])}\n\n`);
  }
  response.end(wire === 'chat' ? 'data: [DONE]\n\n' : '');
}

// For a request that wants its answer in one piece.
function writeWhole(wire, answer, model, response) {
  response.writeHead(200, { 'content-type': 'application/json' });
  if (wire === 'gemini') {
    response.end(JSON.stringify([...geminiEvents(answer, model)][0][1]));
    return;
  }
  response.end(JSON.stringify({ id: `chatcmpl-rig${++calls}`, object: 'chat.completion', created: 1, model,
    choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: answer.text } }],
    usage: { prompt_tokens: usage.input_tokens, completion_tokens: usage.output_tokens } }));
}

// A request without tools is one of the CLI's own: for a title, or which model a prompt needs.
function sideAnswer(body) {
  const wanted = body.generationConfig?.responseMimeType === 'application/json';
  return wanted ? '{"complexity_reasoning":"none","complexity_score":50}' : 'a title';
}

// What `doctor --turn` asks for, whatever stands around it.
function turnAnswer(body) {
  const numbers = JSON.stringify(body).match(/the number (\d{6}), then a hyphen, then the number (\d{6})/);
  return numbers ? { text: `${numbers[1]}-${numbers[2]}` } : undefined;
}

function answerRequest(wire, body, response, { whole, model }) {
  const seen = readRequest(wire, body);
  const toolNames = (body.tools ?? []).flatMap((tool) =>
    tool.functionDeclarations?.map((one) => one.name) ?? [tool.name ?? tool.function?.name ?? tool.type]);
  fs.appendFileSync(requestsFile, JSON.stringify({ wire, ...seen,
    bytes: JSON.stringify(body).length, tools: toolNames }) + '\n');
  const answer = turnAnswer(body) ?? (toolNames.length === 0 ? { text: sideAnswer(body) } : decide(seen, toolNames));
  if (answer.status) {
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(failureOf(wire, answer.status)));
    return;
  }
  if (answer.silent) return;
  if (whole) return writeWhole(wire, answer, model, response);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  writeEvents(wire, answer, model, response);
}

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const path = request.url.split('?')[0];
    const wire = wires.find(([end]) => path.endsWith(end))?.[1] ?? '';
    if (request.method !== 'POST' || !wire) {
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end('{"error":{"type":"not_found_error","message":"the scripted model has no such page"}}');
      return;
    }
    const body = JSON.parse(Buffer.concat(chunks).toString());
    const whole = wire === 'gemini' ? path.endsWith(':generateContent') : wire === 'chat' && !body.stream;
    const model = body.model ?? path.match(/models\/([^:]+)/)?.[1];
    answerRequest(wire, body, response, { whole, model });
  });
});
server.listen(0, '127.0.0.1', () => fs.writeFileSync(portFile, String(server.address().port)));
