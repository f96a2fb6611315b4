"""The SDK's coroutine half against the running server."""

import asyncio

import pytest
from e2b import (
    AsyncSandbox,
    AuthenticationException,
    CommandExitException,
    FileNotFoundException,
    InvalidArgumentException,
    SandboxNotFoundException,
    SandboxNotRunningException,
    SandboxQuery,
    TimeoutException,
)

from tests.e2e.e2b.conftest import Options, opened

LARGE = bytes(range(256)) * 40_960


def test_files(options: Options) -> None:
    async def scenario() -> None:
        async with opened(options) as sandbox:
            files = sandbox.files
            await files.write("notes/ä b.txt", "grüße")
            assert await files.read("notes/ä b.txt") == "grüße"
            await files.write("large", LARGE, gzip=True)
            pieces = [piece async for piece in await files.read("large", format="stream")]
            assert b"".join(pieces) == LARGE
            told = await files.write_files([{"path": f"d/{name}", "data": name} for name in "abc"])
            assert [one.path for one in told] == ["/workspace/d/a", "/workspace/d/b", "/workspace/d/c"]
            assert {one.name for one in await files.list("d")} == {"a", "b", "c"}
            assert [await files.make_dir("e"), await files.make_dir("e")] == [True, False]
            assert (await files.rename("d/a", "e/f/g")).path == "/workspace/e/f/g"
            await files.remove("d")
            assert not await files.exists("d")
            with pytest.raises(FileNotFoundException):
                await files.read("missing")
            with pytest.raises(InvalidArgumentException):
                await files.read("e")

    asyncio.run(scenario())


def test_commands(options: Options) -> None:
    async def scenario() -> None:
        async with opened(options) as sandbox:
            run = sandbox.commands.run
            heard: list[str] = []
            result = await run("echo a; echo b >&2; echo $A", envs={"A": "ü"}, on_stdout=heard.append)
            assert (result.stdout, result.stderr, "".join(heard)) == ("a\nü\n", "b\n", "a\nü\n")
            with pytest.raises(CommandExitException) as failed:
                await run("exit 3")
            assert failed.value.exit_code == 3
            with pytest.raises(TimeoutException):
                await run("sleep 30", timeout=1)
            handle = await run("cat; echo done", background=True, stdin=True, timeout=0)
            assert handle.pid in [one.pid for one in await sandbox.commands.list()]
            await sandbox.commands.send_stdin(handle.pid, "in\n")
            await sandbox.commands.close_stdin(handle.pid)
            assert (await handle.wait()).stdout == "in\ndone\n"
            sleeper = await run("sleep 60", background=True, timeout=0)
            assert await sandbox.commands.kill(sleeper.pid)
            with pytest.raises(CommandExitException):
                await sleeper.wait()
            assert not await sandbox.commands.kill(sleeper.pid)
            several = await asyncio.gather(*(run(f"sleep 0.2; echo {number}") for number in range(8)))
            assert [one.stdout for one in several] == [f"{number}\n" for number in range(8)]

    asyncio.run(scenario())


def test_lives(options: Options) -> None:
    async def scenario() -> None:
        with pytest.raises(AuthenticationException):
            await AsyncSandbox.create(**options | {"api_key": "wrong"})
        async with opened(options | {"metadata": {"of": "a & b"}}) as sandbox:
            assert (await sandbox.get_info()).metadata == {"of": "a & b"}
            pages = AsyncSandbox.list(**options, query=SandboxQuery(metadata={"of": "a & b"}))
            assert [one.sandbox_id for one in await pages.next_items()] == [sandbox.sandbox_id]
            await sandbox.files.write("a.txt", "kept")
            sleeper = await sandbox.commands.run("sleep 600", background=True, timeout=0)
            assert [await sandbox.pause(), await sandbox.pause()] == [True, False]
            assert not await sandbox.is_running()
            with pytest.raises(SandboxNotRunningException):
                await sandbox.commands.run("true")
            again = await AsyncSandbox.connect(sandbox.sandbox_id, **options)
            assert await again.files.read("a.txt") == "kept"
            assert await again.commands.kill(sleeper.pid)
            assert len(await again.get_metrics()) == 1
            assert [await again.kill(), await again.kill()] == [True, False]
            with pytest.raises(SandboxNotFoundException):
                await again.get_info()

    asyncio.run(scenario())
