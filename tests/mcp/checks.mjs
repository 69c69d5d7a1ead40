// The checks of run.sh: node checks.mjs HOME BIN
// HOME/node_modules has the SDK, HOME/run is empty, BIN has the programs of the pool.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { makeRig } from '../fakes/rig.mjs';

const [home, bin] = process.argv.slice(2);
const require = createRequire(path.join(home, 'package.json'));
const { Client } = require('@modelcontextprotocol/sdk/client/index.js');
const { StdioClientTransport } = require('@modelcontextprotocol/sdk/client/stdio.js');
const { LATEST_PROTOCOL_VERSION } = require('@modelcontextprotocol/sdk/types.js');

const run = path.join(home, 'run');
const repo = path.join(run, 'app');
const env = { PATH: process.env.PATH, HOME: path.join(run, 'home'), LANG: 'C.UTF-8' };
const { check, program, startPool, through } = makeRig({ run, bin, env });

const git = (...args) =>
  execFileSync('git', ['-c', 'user.name=Rig', '-c', 'user.email=rig@localhost', ...args], { env, cwd: repo, encoding: 'utf8' });

function makeRepository() {
  fs.mkdirSync(env.HOME);
  fs.mkdirSync(repo);
  git('init', '-q', '-b', 'main');
  fs.writeFileSync(path.join(repo, 'README.md'), 'rig\n');
  git('add', '.');
  git('commit', '-qm', 'first');
  git('config', 'user.name', 'Rig');
  git('config', 'user.email', 'rig@localhost');
}

const text = (result) => result.content.map((part) => part.text).join('\n');

// As an agent does: in bounded steps, until it is settled.
async function settled(client, id) {
  for (;;) {
    const result = await client.callTool({ name: 'wait', arguments: { id, timeout_seconds: 10 } });
    if (result.isError || result.structuredContent.settled) return result;
  }
}

async function fromSubmitToReturn(client) {
  const call = (name, args) => client.callTool({ name, arguments: { repo, ...args } });
  fs.writeFileSync(path.join(repo, 'open.txt'), 'not committed\n');
  const task = "for i in $(seq 200); do echo \"line $i\"; done; cat open.txt > made.txt";
  const submitted = await call('submit', { task, agent: 'command', checks: ['test -s made.txt'] });
  const id = submitted.structuredContent?.id;
  check('submit gives an id', !submitted.isError && /^\d{8}-/.test(id ?? ''), submitted);
  const listed = await call('list', {});
  check('list has it', text(listed).includes(id), listed);
  check('show tells of it', text(await call('show', { id })).includes('made.txt'), await call('show', { id }));
  const waited = await settled(client, id);
  check('wait says that it succeeded', !waited.isError && text(waited).includes(`${id}: succeeded`), waited);

  let log = '';
  let parts = 0;
  for (let offset = 0, more = true; more; parts += 1) {
    const part = await call('logs', { id, offset, max_bytes: 300 });
    if (part.isError) break;
    log += text(part).replace(/\[attempt .*\]$/, '');
    ({ next_offset: offset, more } = part.structuredContent);
  }
  check('logs come in parts, whole', parts > 3 && log.split('\n').filter((line) => /^line \d+$/.test(line)).length === 200, [parts, log]);
  const diff = await call('diff', { id });
  check('diff shows its work, made of what was not committed', text(diff).includes('+not committed'), diff);
  check('why has a sentence', !(await call('why', { id })).isError, await call('why', { id }));
  check('summary has the facts', text(await call('summary', { id })).includes('made.txt'), await call('summary', { id }));

  const taken = await call('takeover', { id });
  const tree = `${repo}-${id}`;
  check('takeover gives the prompt and the work tree', !taken.isError && text(taken).includes('Original task:') && text(taken).includes(tree) &&
    fs.readFileSync(path.join(tree, 'made.txt'), 'utf8') === 'not committed\n', taken);
  fs.writeFileSync(path.join(tree, 'made.txt'), '');
  const first = await call('return', { id, repo: tree, done: true });
  check('return says what it took', !first.isError && text(first).includes('1 file changed'), first);
  const failed = await settled(client, id);
  check('its check fails, and that is no error of wait', !failed.isError && failed.structuredContent.exit_status === 1, failed);
  await call('takeover', { id });
  fs.writeFileSync(path.join(tree, 'made.txt'), 'by hand\n');
  await call('return', { id, repo: tree, done: true });
  const passed = await settled(client, id);
  check('mended by hand, it passes', passed.structuredContent.exit_status === 0, passed);
}

async function whileOneWaits(client) {
  const submitted = await client.callTool({ name: 'submit', arguments: { repo, task: 'tail -f /dev/null', agent: 'command' } });
  const { id } = submitted.structuredContent;
  const cancelled = new AbortController();
  const waiting = client.callTool({ name: 'wait', arguments: { id, timeout_seconds: 50 } }, undefined, { signal: cancelled.signal })
    .then(() => 'answered', () => 'aborted');
  const listed = await client.callTool({ name: 'list', arguments: {} });
  await client.ping();
  check('one that waits keeps nothing waiting', text(listed).includes(id), listed);
  cancelled.abort();
  check('a wait can be left', (await waiting) === 'aborted', waiting);
  const refused = await client.callTool({ name: 'submit', arguments: { repo, task: 'tail -f /dev/null', agent: 'cursor', on: 'no host' } });
  check('a refusal is the sentence of the command', refused.isError && text(refused).startsWith('handoff: '), refused);
  await client.callTool({ name: 'cancel', arguments: { id } });
  const ended = await settled(client, id);
  check('cancel ends it', ended.structuredContent.exit_status === 7, ended);
}

async function insideAnAttempt() {
  const client = new Client({ name: 'rig', version: '1' });
  await client.connect(new StdioClientTransport({ command: program('handoff'), args: ['mcp'], cwd: repo, stderr: 'ignore',
    env: { ...env, HANDOFF_ID: '20261120-outer', HANDOFF_ATTEMPT: '20261120-outer/1' } }));
  const refused = await client.callTool({ name: 'submit', arguments: { task: 'true', agent: 'command' } });
  check('inside an attempt nothing is handed off', refused.isError && refused.structuredContent.exit_status === 5, refused);
  check('and looking is allowed', !(await client.callTool({ name: 'list', arguments: {} })).isError);
  await client.close();
}

await through(async () => {
  makeRepository();
  await startPool(2);
  const client = new Client({ name: 'rig', version: '1' });
  const transport = new StdioClientTransport({ command: program('handoff'), args: ['mcp'], cwd: run, env, stderr: 'inherit' });
  let spoken;
  transport.setProtocolVersion = (version) => {
    spoken = version;
  };
  await client.connect(transport);
  check(`the SDK shakes hands, and both speak its newest, ${LATEST_PROTOCOL_VERSION}`,
    client.getServerVersion()?.name === 'handoff' && spoken === LATEST_PROTOCOL_VERSION, spoken);
  const { tools } = await client.listTools();
  check('it names 13 tools with schemas', tools.length === 13 && tools.every((tool) => tool.inputSchema.type === 'object'), tools);
  await fromSubmitToReturn(client);
  await whileOneWaits(client);
  const { pid } = transport;
  await client.close();
  check('the server ends with its client', !fs.existsSync(`/proc/${pid}`), pid);
  await insideAnAttempt();
});
