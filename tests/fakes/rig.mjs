// A pool of the built programs for checks that are run by hand: a coordinator and one worker on
// loopback, and a list of what was checked.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

// `run` is an empty directory, `bin` has the programs, `env` is theirs and gets the way to the pool.
export function makeRig({ run, bin, env }) {
  const started = [];
  let failures = 0;
  const program = (name) => path.join(bin, name);

  function check(what, ok, seen) {
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${what}`);
    if (ok) return;
    failures += 1;
    console.log(`       saw: ${JSON.stringify(seen)?.slice(0, 1500)}`);
  }

  // What stands behind `ready` on the line that it prints.
  function start(name, argv, ready) {
    const log = fs.openSync(path.join(run, `${name}.log`), 'w');
    const child = spawn(argv[0], argv.slice(1), { env, stdio: ['ignore', 'pipe', log] });
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

  async function startPool(slots) {
    env.HANDOFF_COORDINATOR = await start('coordinator',
      [program('handoff-coordinator'), '--data-dir', path.join(run, 'coordinator'), '--listen', '127.0.0.1:0'], 'ready on ');
    env.HANDOFF_CREDENTIALS = path.join(run, 'coordinator/identity/local');
    const line = execFileSync(program('handoff'), ['worker', 'invite'],
      { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const data = path.join(run, 'rig');
    execFileSync(program('handoff-worker'), ['join', '--data-dir', data, '--name', 'rig'],
      { env, input: line, stdio: ['pipe', 'ignore', 'ignore'] });
    await start('worker', [program('handoff-worker'), '--data-dir', data, '--slots', String(slots)], 'ready as ');
  }

  // Runs the checks, ends the pool whatever came of them, and says how it was.
  async function through(checks) {
    try {
      await checks();
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
  }

  return { program, check, start, startPool, through };
}
