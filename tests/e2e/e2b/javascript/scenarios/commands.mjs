// Commands: output as it comes, failures, input, time limits, background.
import assert from 'node:assert/strict';
import { CommandExitError, InvalidArgumentError, Sandbox, TimeoutError } from 'e2b';
import { eventually, options, withSandbox } from './support.mjs';

await withSandbox(async (sandbox) => {
  const { commands, files } = sandbox;
  const heard = [];
  const done = await commands.run('echo a; sleep 1; echo b', { onStdout: (text) => heard.push([Date.now(), text]) });
  assert.equal(done.stdout, 'a\nb\n');
  assert.ok(heard.at(-1)[0] - heard[0][0] > 700);

  await assert.rejects(commands.run('echo out; echo err >&2; exit 3'), (error) => {
    assert.ok(error instanceof CommandExitError);
    assert.deepEqual([error.exitCode, error.stdout, error.stderr], [3, 'out\n', 'err\n']);
    return true;
  });
  await files.makeDir('deep');
  const told = await commands.run('pwd; echo $A', { cwd: 'deep', envs: { A: 'two words' } });
  assert.equal(told.stdout, '/workspace/deep\ntwo words\n');
  await assert.rejects(commands.run('pwd', { cwd: 'missing' }), InvalidArgumentError);

  const started = Date.now();
  await assert.rejects(commands.run('sleep 30', { timeoutMs: 1000 }), TimeoutError);
  assert.ok(Date.now() - started < 5000);
  await eventually(async () => (await commands.list()).length === 0);

  const line = 'äöü€😀'.repeat(100);
  await files.write('line', `${line}\n`);
  const much = await commands.run('for i in $(seq 100); do cat line line line line line line line line line line; done');
  assert.equal(much.stdout, `${line}\n`.repeat(1000));

  const handle = await commands.run('cat; echo done', { background: true, stdin: true, timeoutMs: 0 });
  assert.ok((await commands.list()).some((one) => one.pid === handle.pid));
  const other = await (await Sandbox.connect(sandbox.sandboxId, options)).commands.connect(handle.pid);
  await commands.sendStdin(handle.pid, 'zwei ü\n');
  await commands.closeStdin(handle.pid);
  assert.equal((await handle.wait()).stdout, 'zwei ü\ndone\n');
  assert.ok((await other.wait()).stdout.endsWith('done\n'));

  const sleeper = await commands.run('sleep 60', { background: true, timeoutMs: 0 });
  assert.equal(await commands.kill(sleeper.pid), true);
  await assert.rejects(sleeper.wait(), (error) => error instanceof CommandExitError && error.exitCode === -1);
  assert.equal(await commands.kill(sleeper.pid), false);

  const left = await commands.run('sleep 0.5; echo survived > out.txt', { background: true, timeoutMs: 0 });
  await left.disconnect();
  await eventually(() => files.exists('out.txt'));
});
