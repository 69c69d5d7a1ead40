// The checks of run.sh: node checks.mjs HOME RUN BIN AGENT...
// HOME/node_modules has the real programs, RUN is an empty folder, BIN has the programs of the pool.
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const [home, run, bin, ...wanted] = process.argv.slice(2);
const here = path.dirname(new URL(import.meta.url).pathname);
const requestsFile = path.join(run, 'requests.jsonl');
const repo = path.join(run, 'repo');
const userHome = path.join(run, 'home');
const programs = path.join(home, 'node_modules/.bin');
const env = { PATH: `${programs}:${process.env.PATH}`, HOME: userHome, LANG: 'C.UTF-8' };
const opencodeEnv = { OPENCODE_DISABLE_MODELS_FETCH: '1', OPENCODE_DISABLE_LSP_DOWNLOAD: '1', OPENCODE_DISABLE_DEFAULT_PLUGINS: '1' };
const started = [];
let failures = 0;

function start(name, argv, ready, more = {}) {
  const log = fs.openSync(path.join(run, `${name}.log`), 'w');
  const child = spawn(argv[0], argv.slice(1), { env: { ...env, ...more }, stdio: ['ignore', 'pipe', log] });
  started.push(child);
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout.on('data', (data) => {
      said += data;
      const at = said.indexOf(ready);
      if (at >= 0 && said.indexOf('\n', at) > 0) resolve(said.slice(at + ready.length).split('\n')[0].trim());
    });
    child.on('exit', (code) => reject(new Error(`${name} ended with ${code}; see ${run}/${name}.log`)));
  });
}

function command(argv, { input = '', ...options } = {}) {
  return new Promise((resolve) => {
    const child = execFile(argv[0], argv.slice(1), { env, cwd: repo, maxBuffer: 1 << 28, ...options }, (error, out, err) =>
      resolve({ code: error ? (error.code ?? 1) : 0, out, err }));
    child.stdin.on('error', () => {}); // it may have ended without reading
    child.stdin.end(input);
  });
}

async function git(...args) {
  const { code, out, err } = await command(['git', '-c', 'user.name=Rig', '-c', 'user.email=rig@localhost', ...args]);
  if (code !== 0) throw new Error(`git ${args.join(' ')}: ${err}`);
  return out;
}

const handoff = (...args) => command([path.join(bin, 'handoff'), ...args]);

// Joins the pool with a line that the coordinator's admin makes, and starts.
async function startWorker(name, slots, more = {}) {
  const worker = path.join(bin, 'handoff-worker');
  const data = path.join(run, name);
  const invited = await handoff('worker', 'invite');
  const joined = await command([worker, 'join', '--data-dir', data, '--name', name], { input: invited.out });
  if (joined.code !== 0) throw new Error(`${name} did not join: ${invited.err}${joined.err}`);
  await start(name, [worker, '--data-dir', data, '--slots', slots, '--config', path.join(run, 'worker.toml')], 'ready as ', more);
}

async function show(id) {
  return JSON.parse((await handoff('show', id, '--json')).out);
}

const requests = () =>
  fs.existsSync(requestsFile)
    ? fs.readFileSync(requestsFile, 'utf8').trim().split('\n').filter(Boolean).map((line) => JSON.parse(line))
    : [];

function check(what, ok, seen) {
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${what}`);
  if (!ok) {
    failures += 1;
    console.log(`       saw: ${JSON.stringify(seen)?.slice(0, 1500)}`);
  }
}

async function submit(agent, task, ...more) {
  const file = path.join(run, 'task');
  fs.writeFileSync(file, task);
  const { code, out, err } = await handoff('submit', '--agent', agent, '--file', file, '--retries', '0', '--json',
    ...(agent === 'command' ? [] : ['--summaries', 'never']), ...more);
  if (code !== 0) throw new Error(`submit: ${err}`);
  const answer = JSON.parse(out);
  return answer.id ?? answer.handoff.id;
}

// The handoff when it ended; its last attempt beside it.
async function ended(id) {
  const waited = await handoff('wait', id, '--timeout', '180s');
  const record = await show(id);
  return { exit: waited.code, record, last: record.attempts.at(-1) };
}

// Until `condition` holds; asks the pool between the tries.
async function until(what, condition) {
  const end = Date.now() + 120_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function processesOf(id) {
  return fs.readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return fs.readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`HANDOFF_ATTEMPT=${id}/`);
    } catch {
      return false;
    }
  });
}

// Where each keeps its conversations below a home, and what the file of one is called.
const sessions = {
  claude: { root: '.claude/projects', file: (id) => `${id}.jsonl` },
  codex: { root: '.codex/sessions', file: (id) => `*${id}.jsonl` },
  gemini: { root: '.gemini/tmp', file: (id) => `session-*-${id.slice(0, 8)}.jsonl` },
  opencode: { root: '.local/share/opencode/handoff', file: (id) => `${id}.json` },
  copilot: { root: '.copilot/session-state', file: (id) => id },
  qwen: { root: '.qwen/projects', file: (id) => `${id}.jsonl` },
};
sessions.mine = sessions.claude;
// Their settings, which a new home has too.
const settings = ['.codex/config.toml', '.gemini/settings.json', '.config/opencode/opencode.json'];
// Those that tell no tokens, and those that do not tell what they ask without any tool (a title, say).
const tellsNoTokens = ['copilot'];
const tellsNotItsOwn = ['opencode'];

async function sessionFiles(agent, session) {
  const { root, file } = sessions[agent];
  const { out } = await command(['find', path.join(userHome, root), '-name', file(session)]);
  return out.trim().split('\n').filter(Boolean);
}

// As a disk that was restored from an older day would have it: the CLI does not know the id, or cannot read
// what it has of it.
async function spoilSession(agent, session) {
  if (agent === 'opencode') {
    const { code, err } = await command([path.join(programs, 'opencode'), 'session', 'delete', session], { env: { ...env, ...opencodeEnv } });
    if (code !== 0) throw new Error(`opencode session delete: ${err}`);
    return;
  }
  for (const one of await sessionFiles(agent, session)) {
    const { out } = await command(['find', one, '-type', 'f']);
    for (const file of out.trim().split('\n')) fs.truncateSync(file);
  }
}

async function firstRunAndResume(agent) {
  const before = requests().length;
  const id = await submit(agent, "RIG: run printf 'hello\\n' > HELLO.txt && git add HELLO.txt && git commit -qm hello && ls HELLO.txt");
  const first = await ended(id);
  check(`${agent}: the first run succeeds`, first.exit === 0 && first.record.status === 'SUCCEEDED', first);
  check(`${agent}: its commit is a fact`, first.last.facts?.commits?.length === 1, first.last.facts);
  check(`${agent}: its tool call is reported`, first.last.facts?.tools?.some((tool) => tool.command?.includes('HELLO.txt')),
    first.last.facts);
  check(`${agent}: the session is known and verified`, first.last.sessionVerified === 'YES' && /^([0-9a-f-]{36}|ses_\w{26})$/.test(first.last.session ?? ''), first.last);
  check(`${agent}: nothing in the stream is unknown`, Object.keys(first.last.facts?.unknownEvents ?? {}).length === 0, first.last.facts?.unknownEvents);
  const log = await handoff('logs', id);
  check(`${agent}: logs show the call and the text`, /^[<>] .*HELLO\.txt/m.test(log.out) && /^done: run/m.test(log.out) &&
    /^result: success/m.test(log.out), log.out);
  const files = await sessionFiles(agent, first.last.session);
  check(`${agent}: the session's file lies below ${sessions[agent].root}`, files.length === 1, files);

  const asked = requests().length;
  await handoff('resume', id);
  const second = await ended(id);
  const seen = requests().slice(asked);
  check(`${agent}: the resume succeeds in the same session`, second.exit === 0 && second.last.sessionKind === 'SAME' &&
    second.last.sessionVerified === 'YES' && second.last.session === first.last.session, second.last);
  check(`${agent}: the model sees the earlier messages`, seen.length > 0 && seen[0].said.some((text) => text.startsWith('done: run')), seen);
  if (!tellsNoTokens.includes(agent)) {
    const own = (asking) => asking.filter((request) => !tellsNotItsOwn.includes(agent) || request.tools.length > 0).length;
    const expected = [own(requests().slice(before, asked)), own(seen)].map((calls) => 1200 * calls);
    check(`${agent}: each attempt counts its own tokens`, Number(first.last.facts?.usage?.inputTokens) === expected[0] &&
      Number(second.last.facts?.usage?.inputTokens) === expected[1], [first.last.facts?.usage, second.last.facts?.usage, expected]);
  }
}

// A session that is not there any more, and one of which the CLI has nothing but a name.
async function badSessions(agent) {
  const id = await submit(agent, 'RIG: run true');
  const first = await ended(id);
  for (const one of await sessionFiles(agent, first.last.session)) fs.rmSync(one, { recursive: true });
  if (agent === 'opencode') await spoilSession(agent, first.last.session);
  const asked = requests().length;
  await handoff('resume', id);
  const second = await ended(id);
  check(`${agent}: a session whose files are gone is restored from the checkpoint`, second.exit === 0 &&
    second.last.sessionKind === 'RESTORED' && second.last.session === first.last.session &&
    requests().slice(asked)[0]?.said.some((text) => text.startsWith('done: run')), second.record.attempts);
  await spoilSession(agent, first.last.session);
  await handoff('resume', id);
  const third = await ended(id);
  const refused = third.record.attempts.at(-2);
  check(`${agent}: a session that it refuses is session_failed, and a fresh one goes on`, third.exit === 0 &&
    third.last.sessionKind === 'FRESH' && third.last.session !== first.last.session && refused.failure === 'SESSION_FAILED',
    third.record.attempts);
  await handoff('resume', id, '--fresh-session');
  const fourth = await ended(id);
  check(`${agent}: a fresh session goes on`, fourth.exit === 0 && fourth.last.sessionKind === 'FRESH' &&
    fourth.last.session !== third.last.session, fourth.last);
}

async function longPrompts(agent) {
  const before = requests().length;
  const { exit, last } = await ended(await submit(agent, `${'x'.repeat(200 << 10)}\nRIG: say whole`));
  check(`${agent}: a prompt of 200 KiB arrives whole`, exit === 0 && requests().slice(before).some((request) => request.bytes > 200 << 10), last);
  if (agent !== 'codex') return;
  const long = await ended(await submit(agent, 'x'.repeat(1 << 20)));
  check(`${agent}: a prompt beyond 1 MiB is refused`, long.last.failure === 'LIMIT_EXCEEDED', long.last);
}

async function cancelInTool(agent) {
  const id = await submit(agent, 'RIG: run touch in-tool && tail -f /dev/null');
  const flag = path.join(run, 'rig/workspaces', id, 'repo/in-tool');
  await until('the tool runs', () => fs.existsSync(flag));
  await handoff('cancel', id);
  const { exit, record, last } = await ended(id);
  check(`${agent}: a cancel in a tool ends it`, exit === 7 && record.status === 'CANCELLED', last);
  check(`${agent}: no process is left`, processesOf(id).length === 0, processesOf(id));
  await handoff('resume', id, '--fresh-session');
  await handoff('cancel', id);
}

async function oneTurn(agent) {
  const asked = await handoff('doctor', '--worker', 'rig', '--turn', '--agent', agent);
  const worker = JSON.parse((await handoff('worker', 'show', 'rig', '--json')).out);
  const turn = worker.turns?.find((one) => one.agent === agent);
  check(`${agent}: one turn for the doctor works`, turn?.failure === 'NONE' && turn.at !== undefined, asked.out + asked.err);
}

async function modelErrors(agent) {
  const wrong = await ended(await submit(agent, 'RIG: fail 400'));
  check(`${agent}: status 400 is agent_error`, wrong.exit === 1 && wrong.last.failure === 'AGENT_ERROR' &&
    wrong.last.failureMessage.includes('scripted failure 400'), wrong.last);
  const broken = await ended(await submit(agent, 'RIG: fail 500'));
  // Codex does not say which status it was, but speaks of high demand.
  const expected = agent === 'codex' ? 'RATE_LIMITED' : 'NETWORK';
  check(`${agent}: status 500 is ${expected.toLowerCase()}`, broken.exit === 1 && broken.last.failure === expected, broken.last);
  if (agent === 'gemini') {
    const limited = await ended(await submit(agent, 'RIG: fail 429'));
    check(`${agent}: status 429, of which only its exit status tells, is rate_limited`, limited.exit === 1 &&
      limited.last.failure === 'RATE_LIMITED', limited.last);
  }
  // The host's fault: it is held and tried again, so this handoff does not end by itself.
  const id = await submit(agent, 'RIG: fail 401');
  await until('the first attempt ends', async () => (await show(id)).attempts[0].failure !== 'NONE');
  const { attempts } = await show(id);
  check(`${agent}: status 401 is agent_needs_setup and names the command`, attempts[0].failure === 'AGENT_NEEDS_SETUP' &&
    attempts[0].failureMessage.includes(' login'), attempts[0]);
  await handoff('cancel', id);
  await ended(id);
}

async function silentModel(agent) {
  const id = await submit(agent, 'RIG: silence', '--stall-timeout', '20s');
  const { exit, last } = await ended(id);
  check(`${agent}: a model that is silent is stalled`, exit === 1 && last.failure === 'STALLED', last);
  check(`${agent}: no process is left of it`, processesOf(id).length === 0, processesOf(id));
}

// The host is gone for good, with its workspaces and the home in which the conversations lay.
async function anotherHost(agents) {
  const work = "RIG: run printf 'kept\\n' > KEPT.txt && git add KEPT.txt && git commit -qm kept && printf 'not committed\\n' > LEFT.txt";
  const ids = new Map();
  for (const agent of agents) {
    const id = await submit(agent, work);
    const first = await ended(id);
    check(`${agent}: the run before the host is lost succeeds`, first.exit === 0, first.last);
    ids.set(agent, { id, session: first.last.session });
  }
  const lost = started.pop();
  lost.removeAllListeners('exit');
  lost.kill('SIGKILL');
  fs.rmSync(path.join(run, 'rig'), { recursive: true });
  for (const { root } of Object.values(sessions)) fs.rmSync(path.join(userHome, root), { recursive: true, force: true });
  const otherHome = path.join(run, 'other-home');
  fs.mkdirSync(otherHome);
  await warmUp(otherHome);
  await startWorker('other', '2', { HOME: otherHome });
  await probesEnd('other', agents);
  for (const [agent, { id, session }] of ids) {
    const asked = requests().length;
    await handoff('resume', id, '--on', 'other');
    const { exit, record, last } = await ended(id);
    const seen = requests().slice(asked);
    check(`${agent}: on another host the conversation is restored`, exit === 0 && last.sessionKind === 'RESTORED' &&
      last.sessionVerified === 'YES' && last.session === session, record.attempts);
    check(`${agent}: there the model sees the earlier messages`, seen.length > 0 && seen[0].said.some((text) => text.startsWith('done: run')), seen);
    const there = path.join(run, 'other/workspaces', id, 'repo');
    check(`${agent}: the work is there, committed or not`, fs.existsSync(path.join(there, 'KEPT.txt')) &&
      fs.readFileSync(path.join(there, 'LEFT.txt'), 'utf8') === 'not committed\n', fs.existsSync(there) && fs.readdirSync(there));
  }
}

// opencode's first start in a home makes its database, for which a probe may have too little time.
async function warmUp(ofHome) {
  for (const file of ofHome === userHome ? [] : settings) fs.cpSync(path.join(userHome, file), path.join(ofHome, file));
  if (!wanted.includes('opencode')) return;
  await command([path.join(programs, 'opencode'), 'models'], { env: { ...env, ...opencodeEnv, HOME: ofHome } });
}

// Of the worker's configuration: only of those that are wanted.
function sections(url) {
  const claude = { ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: 'dummy', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    CLAUDE_CODE_MAX_RETRIES: '1', DISABLE_TELEMETRY: '1', DISABLE_ERROR_REPORTING: '1' };
  const copilot = { COPILOT_OFFLINE: 'true', COPILOT_PROVIDER_BASE_URL: `${url}/v1`, COPILOT_PROVIDER_API_KEY: 'dummy', COPILOT_MODEL: 'rig-model' };
  const patient = { first_event: '110s' };
  const all = {
    claude: { env: claude },
    codex: { env: { RIG_KEY: 'dummy' } },
    gemini: { env: { GEMINI_API_KEY: 'dummy', GOOGLE_GEMINI_BASE_URL: url } },
    opencode: { env: opencodeEnv, timers: patient },
    copilot: { env: copilot, timers: patient },
    qwen: { env: { OPENAI_API_KEY: 'dummy', OPENAI_BASE_URL: `${url}/v1`, OPENAI_MODEL: 'rig-model' } },
    mine: { like: 'claude', program: 'claude', env: claude },
  };
  const table = (name, values) => [`[agents.${name}]`, ...Object.entries(values).map(([key, value]) => `${key} = "${value}"`), ''].join('\n');
  return wanted.filter((agent) => agent in all).map((agent) => {
    const { program = agent, env: variables, timers, like } = all[agent];
    const own = { binary: path.join(programs, program), ...(like ? { like } : {}) };
    return table(agent, own) + table(`${agent}.env`, variables) + (timers ? table(`${agent}.timers`, timers) : '');
  }).join('');
}

// Any script: there is no model, so what can be asked of it is less.
async function commandRuns() {
  const first = await ended(await submit('command', "printf 'hello\\n' > HELLO.txt && git add HELLO.txt && git commit -qm hello"));
  check('command: the first run succeeds', first.exit === 0 && first.record.status === 'SUCCEEDED', first);
  check('command: its commit is a fact', first.last.facts?.commits?.length === 1, first.last.facts);
  const long = await ended(await submit('command', `: ${'x'.repeat(200 << 10)}\ntest $(wc -c < "$0") -gt 204800 && echo whole`));
  check('command: a script of 200 KiB arrives whole', long.exit === 0 && (await handoff('logs', long.record.id)).out.includes('whole'), long.last);
  const id = await submit('command', 'touch in-tool && tail -f /dev/null');
  await until('the script runs', () => fs.existsSync(path.join(run, 'rig/workspaces', id, 'repo/in-tool')));
  await handoff('cancel', id);
  const cancelled = await ended(id);
  check('command: a cancel ends it', cancelled.exit === 7 && cancelled.record.status === 'CANCELLED', cancelled.last);
  check('command: no process is left', processesOf(id).length === 0, processesOf(id));
  const silent = await ended(await submit('command', 'tail -f /dev/null', '--stall-timeout', '20s'));
  check('command: one that is silent is stalled where that is asked for', silent.exit === 1 && silent.last.failure === 'STALLED', silent.last);
}

async function startPool() {
  fs.mkdirSync(path.join(userHome, '.codex'), { recursive: true });
  fs.mkdirSync(repo);
  await git('init', '-q', '-b', 'main');
  fs.writeFileSync(path.join(repo, 'README.md'), 'rig\n');
  await git('add', '.');
  await git('commit', '-qm', 'first');
  await git('config', 'user.name', 'Rig');
  await git('config', 'user.email', 'rig@localhost');

  const portFile = path.join(run, 'port');
  started.push(spawn(process.execPath, [path.join(here, 'model.mjs'), portFile, requestsFile], { env, stdio: 'inherit' }));
  await until('the model listens', () => fs.existsSync(portFile) && fs.readFileSync(portFile, 'utf8') !== '');
  const url = `http://127.0.0.1:${fs.readFileSync(portFile, 'utf8')}`;
  // Settings that keep the programs off the network, and retries that a person can wait for.
  fs.writeFileSync(path.join(userHome, '.codex/config.toml'), `model = "rig-model"
model_provider = "rig"
check_for_update_on_startup = false
[model_providers.rig]
name = "rig"
base_url = "${url}/v1"
wire_api = "responses"
env_key = "RIG_KEY"
request_max_retries = 1
stream_max_retries = 1
[features]
plugins = false
[analytics]
enabled = false
`);
  // An address of its own counts as a gateway, unless the settings choose the login.
  fs.mkdirSync(path.join(userHome, '.gemini'));
  fs.writeFileSync(path.join(userHome, '.gemini/settings.json'), JSON.stringify({
    security: { auth: { selectedType: 'gemini-api-key' } },
    general: { maxAttempts: 2 },
    privacy: { usageStatisticsEnabled: false },
  }));
  fs.mkdirSync(path.join(userHome, '.config/opencode'), { recursive: true });
  fs.writeFileSync(path.join(userHome, '.config/opencode/opencode.json'), JSON.stringify({
    model: 'rig/rig-model',
    provider: { rig: { npm: '@ai-sdk/openai-compatible', name: 'rig', options: { baseURL: `${url}/v1`, apiKey: 'dummy' },
      models: { 'rig-model': { name: 'rig-model', limit: { context: 400000, output: 8000 } } } } },
  }));
  fs.writeFileSync(path.join(run, 'worker.toml'), sections(url));
  const address = await start('coordinator', [path.join(bin, 'handoff-coordinator'), '--data-dir', path.join(run, 'coordinator'),
    '--listen', '127.0.0.1:0'], 'ready on ');
  env.HANDOFF_COORDINATOR = address;
  env.HANDOFF_CREDENTIALS = path.join(run, 'coordinator/identity/local');
  await warmUp(userHome);
  await startWorker('rig', '2');
}

const offersOf = async (worker) => {
  const seen = JSON.parse((await handoff('worker', 'show', worker, '--json')).out);
  return seen.agents ?? seen.worker?.agents ?? [];
};

const probesEnd = (worker, agents) => until('the probes end', async () => {
  const names = (await offersOf(worker)).map((offer) => offer.name);
  return agents.every((agent) => names.includes(agent));
});

async function agentsReady(agents) {
  const offers = await offersOf('rig');
  for (const agent of agents) {
    const offer = offers.find((one) => one.name === agent);
    check(`${agent}: the probe finds it ready: ${offer?.version}`, offer?.state === 'READY', offer ?? offers);
  }
}

try {
  const agents = wanted.filter((agent) => agent !== 'command');
  await startPool();
  await probesEnd('rig', agents);
  await agentsReady(agents);
  for (const agent of agents) {
    await firstRunAndResume(agent);
    await oneTurn(agent);
    await badSessions(agent);
    await longPrompts(agent);
    await cancelInTool(agent);
    await silentModel(agent);
    await modelErrors(agent);
  }
  if (wanted.includes('command')) await commandRuns();
  if (agents.length > 0) await anotherHost(agents);
} catch (error) {
  console.log(`FAILED ${error.stack}`);
  failures += 1;
} finally {
  for (const child of started.reverse()) {
    child.removeAllListeners('exit');
    child.kill('SIGTERM');
  }
}
console.log(failures === 0 ? 'all checks passed' : `${failures} checks failed`);
process.exitCode = failures === 0 ? 0 : 1;
