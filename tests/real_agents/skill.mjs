// The checks of skill.sh: node skill.mjs HOME BIN SKILL
// HOME/node_modules has the real claude, HOME/skill is empty, BIN has the programs of the pool, SKILL is
// the directory of the skill. The model is scripted. It knows the order in which the skill is followed
// and nothing of the commands: those it takes out of the text of the skill as the CLI sent it.
import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

import { makeRig } from '../fakes/rig.mjs';

const [home, bin, skill] = process.argv.slice(2);
const run = path.join(home, 'skill');
const repo = path.join(run, 'app');
const userHome = path.join(run, 'home');
const taskFile = path.join(run, 'TASK.md');
const claude = path.join(home, 'node_modules/.bin/claude');
const env = { PATH: `${bin}:${process.env.PATH}`, HOME: userHome, LANG: 'C.UTF-8' };
const { check, program, startPool, through } = makeRig({ run, bin, env });
const seen = { described: false, loaded: false, tools: [], results: [] };
let calls = 0;

const source = fs.readFileSync(path.join(skill, 'SKILL.md'), 'utf8');
const description = source.match(/^description: (.*)$/m)[1];
const heading = 'Follow, in bounded steps';

// All text of a request, in order.
const textOf = (content) => (typeof content === 'string' ? content
  : (content ?? []).map((part) => part.text ?? (part.content ? textOf(part.content) : '')).join('\n'));

// The first command of the loaded skill that begins so, without its comment.
function commandOf(text, beginning) {
  const at = text.indexOf(heading);
  const body = text.slice(text.lastIndexOf('# Handoff', at));
  const line = body.split('\n').find((one) => one.startsWith(beginning));
  if (!line) throw new Error(`the skill that reached the model has no ${beginning}`);
  return line.split('  #')[0].trim();
}

const shell = (command) => ({ tool: 'Bash', input: { command, description: 'as the skill says' } });

// What the model that follows the skill does next.
function follow(body) {
  const text = body.messages.map((message) => textOf(message.content)).join('\n');
  const all = `${textOf(body.system)}\n${JSON.stringify(body.tools)}\n${text}`;
  seen.described ||= all.includes(description.slice(0, 120));
  const results = body.messages.flatMap((message) =>
    (Array.isArray(message.content) ? message.content : []).filter((part) => part.type === 'tool_result').map((part) => textOf(part.content)));
  seen.results = results;
  const step = results.length;
  if (step === 0) return { tool: 'Skill', input: { skill: 'handoff' } };
  seen.loaded ||= text.includes(heading);
  if (!text.includes(heading)) return { text: 'the skill did not come' };
  const id = results.slice(2).join('\n').match(/^\d{8}-[a-z0-9-]+$/m)?.[0];
  const over = results.findIndex((result) => result.includes(`${id}: succeeded`));
  if (step === 1) return shell('handoff list');
  if (step === 2) {
    const submit = commandOf(text, 'handoff submit --file').replace('/tmp/TASK.md', taskFile).replace('COMMAND THAT MUST PASS', 'grep -q hello GREETING');
    return shell(`printf '%s\\n' 'tail -F ${run}/gate | head -1 && echo hello > GREETING' > ${taskFile} && ${submit}`);
  }
  if (id === undefined) return { text: 'there is no id' };
  if (over < 0) return shell(commandOf(text, 'handoff wait ID').replace('ID', id).replace('45s', '5s'));
  const then = ['handoff show ID', 'handoff diff ID --stat', 'handoff summary ID'][step - over - 1];
  if (then === undefined) return { text: `It succeeded: ${id}` };
  return shell(commandOf(text, then).replace('ID', id));
}

function* events(answer, model) {
  calls += 1;
  const block = answer.tool ? { type: 'tool_use', id: `toolu_rig${calls}`, name: answer.tool, input: {} } : { type: 'text', text: '' };
  const delta = answer.tool ? { type: 'input_json_delta', partial_json: JSON.stringify(answer.input) } : { type: 'text_delta', text: answer.text };
  const usage = { input_tokens: 1200, output_tokens: 1, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 };
  yield ['message_start', { message: { id: `msg_rig${calls}`, type: 'message', role: 'assistant', model, content: [], stop_reason: null, stop_sequence: null, usage } }];
  yield ['content_block_start', { index: 0, content_block: block }];
  yield ['content_block_delta', { index: 0, delta }];
  yield ['content_block_stop', { index: 0 }];
  yield ['message_delta', { delta: { stop_reason: answer.tool ? 'tool_use' : 'end_turn', stop_sequence: null }, usage: { output_tokens: 34 } }];
  yield ['message_stop', {}];
}

function answerRequest(body, response) {
  fs.appendFileSync(path.join(run, 'requests.jsonl'), `${JSON.stringify(body)}\n`);
  let answer = { text: 'a title' };
  if (body.tools?.length > 0) {
    try {
      answer = follow(body);
    } catch (error) {
      answer = { text: String(error) };
    }
    if (answer.tool) seen.tools.push(answer.tool === 'Bash' ? answer.input.command : answer.tool);
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const [type, data] of events(answer, body.model)) response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
  response.end();
}

function startModel() {
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method === 'POST' && request.url.split('?')[0].endsWith('/messages')) {
        answerRequest(JSON.parse(Buffer.concat(chunks).toString()), response);
        return;
      }
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end('{"error":{"type":"not_found_error","message":"the scripted model has no such page"}}');
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

function prepare() {
  const git = (...args) => execFileSync('git', args, { env, cwd: repo });
  fs.mkdirSync(path.join(userHome, '.claude/skills'), { recursive: true });
  fs.symlinkSync(path.resolve(skill), path.join(userHome, '.claude/skills/handoff'));
  fs.mkdirSync(repo);
  git('init', '-q', '-b', 'main');
  git('config', 'user.name', 'Rig');
  git('config', 'user.email', 'rig@localhost');
  // The work itself is a script's: this is about the agent that hands it off.
  fs.writeFileSync(path.join(repo, '.handoff.toml'), 'agent = "command"\n');
  git('add', '.');
  git('commit', '-qm', 'first');
}

function runClaude(url) {
  const argv = ['-p', 'Hand this off to a background agent and tell me how it went: write hello into GREETING.',
    '--output-format', 'stream-json', '--verbose', '--allowedTools=Bash,Skill'];
  const own = { ...env, ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: 'dummy', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    CLAUDE_CODE_MAX_RETRIES: '1', DISABLE_TELEMETRY: '1', DISABLE_ERROR_REPORTING: '1' };
  return new Promise((resolve) => {
    const child = execFile(claude, argv, { env: own, cwd: repo, maxBuffer: 1 << 28, timeout: 300_000 }, (error, out, err) =>
      resolve({ code: error ? (error.code ?? error.signal) : 0, out, err }));
    child.stdin.end();
  });
}

await through(async () => {
  prepare();
  await startPool(1);
  const model = await startModel();
  const gate = path.join(run, 'gate');
  fs.writeFileSync(gate, '');
  // The task goes on once the agent has waited twice: it polls, because there is something to poll for.
  const opened = setInterval(() => {
    if (seen.tools.filter((tool) => tool.startsWith('handoff wait')).length < 2) return;
    clearInterval(opened);
    fs.writeFileSync(gate, 'go\n');
  }, 100);
  const { code, out, err } = await runClaude(`http://127.0.0.1:${model.address().port}`);
  clearInterval(opened);
  model.close();
  fs.writeFileSync(path.join(run, 'claude.jsonl'), out);
  const id = seen.results.join('\n').match(/^\d{8}-[a-z0-9-]+$/m)?.[0];
  const commands = seen.tools.map((tool) => tool.replace(id, 'ID'));
  check('the skill\'s description reaches the model', seen.described, seen);
  check('the CLI loads the skill when the model asks for it', seen.tools[0] === 'Skill' && seen.loaded, seen.tools);
  check('it looks for an equivalent one before it hands off', commands[1] === 'handoff list' && commands[2]?.includes('handoff submit --file'), commands);
  check('the id comes back', id !== undefined, seen.results);
  const waits = commands.filter((command) => command.startsWith('handoff wait ID --timeout')).length;
  check(`it polls in bounded steps (${waits})`, waits >= 2, commands);
  check('it reads the result', ['handoff show ID', 'handoff diff ID --stat', 'handoff summary ID'].every((one) => commands.includes(one)), commands);
  check('the result is that of the task', seen.results.some((result) => result.includes('GREETING') && result.includes('1 file changed')), seen.results);
  const last = out.trim().split('\n').map((line) => JSON.parse(line)).at(-1);
  check('claude ends well and says so', code === 0 && last.subtype === 'success' && !last.is_error && last.result === `It succeeded: ${id}`, [code, err, last]);
  const record = JSON.parse(execFileSync(program('handoff'), ['show', id, '--json'], { env, encoding: 'utf8' }));
  check('the record says that its check passed', record.status === 'SUCCEEDED' && record.verified === true, record);
});
