"""Names, links and programs that are to lead out of a sandbox, or to wear out who looks at them.

``@FOLDER@``, ``@HOME@``, ``@STATE@`` and ``@SCRATCH@`` stand for directories of the host with a canary in them,
``@SERVER@`` for the server's process, ``@MARK@`` for a name that must not appear on the host.
"""

LINKS = {
    "absolute": "/etc",
    "relative": "../../etc",
    "proc": "/proc/self/root@FOLDER@",
    "first": "/proc/1/root@FOLDER@",
    "cwd": "/proc/self/cwd/../etc",
    "fd": "/proc/self/fd",
    "dev": "/dev",
    "chain": "chained",
    "chained": "../L/chained2",
    "chained2": "/",
    "loop": "loop",
    "open": "@FOLDER@",
    "boxes": "@SCRATCH@/boxes",
    "state": "@STATE@",
    "environ": "/proc/@SERVER@/environ",
    "own": "/proc/self/environ",
    "passwd": "/etc/passwd",
    "zero": "/dev/zero",
    "fresh": "@FOLDER@/@MARK@",
    "program": "/run/lambent/guest/guest/run.py",
}

# What begins in the workspace and leads out of it: no route looks there, none writes there.
LEADING_OUT = [
    "../etc/passwd",
    "../../../../../../etc/passwd",
    "..",
    "/workspace/..",
    "/workspace/../etc/passwd",
    "//workspace//..//.@FOLDER@/secret",
    "deep/../..@FOLDER@/secret",
    "deep/..//./../@FOLDER@/@MARK@",
    "~/../..@FOLDER@/secret",
    "L/absolute/passwd",
    "L/absolute/@MARK@",
    "L/relative/passwd",
    "L/proc/secret",
    "L/proc/@MARK@",
    "L/first/secret",
    "L/first/@MARK@",
    "L/cwd/passwd",
    "L/fd/0",
    "L/dev/zero",
    "L/dev/shm/@MARK@",
    "L/chain@FOLDER@/secret",
    "L/chain/etc/@MARK@",
    "L/loop/@MARK@",
    "L/open/secret",
    "L/open/@MARK@",
    "L/boxes",
    "L/state/canary",
    "L/environ",
    "L/own",
    "L/passwd",
    "L/zero",
    "L/fresh",
    "L/program",
]
# What may be asked for: the sandbox's own, or nothing; never the host's.
ELSEWHERE = [
    "@FOLDER@/secret",
    "@FOLDER@/@MARK@",
    "@HOME@/secret",
    "@STATE@/canary",
    "@STATE@/credentials.json",
    "@SCRATCH@/boxes",
    "/etc/cron.d/@MARK@",
    "/root/.ssh/authorized_keys",
    "/etc/shadow",
    "/proc/@SERVER@/environ",
    "/proc/@SERVER@/root@FOLDER@/secret",
    "/proc/@SERVER@/cwd/README.md",
    "/proc/self/root@FOLDER@/secret",
    "/proc/1/root@FOLDER@/@MARK@",
    "/proc/1/cwd/../../..@FOLDER@/@MARK@",
    "/proc/self/environ",
    "/proc/1/environ",
    "/proc/self/mem",
    "/proc/self/pagemap",
    "/proc/self/attr/current",
    "/proc/self/fd/0",
    "/proc/kmsg",
    "/proc/kcore",
    "/proc/sys/kernel/core_pattern",
    "/proc/sysrq-trigger",
    "/sys/kernel/uevent_helper",
    "/dev/zero",
    "/dev/urandom",
    "/dev/stdin",
    "/dev/ptmx",
    "/dev/tty",
    "/dev/shm/../..@FOLDER@/@MARK@",
    "/home/user/../..@FOLDER@/secret",
    "/mnt/session/../..@FOLDER@/@MARK@",
    "/run/lambent/guest/guest/run.py",
    "/usr/local/bin/@MARK@",
    "/@MARK@",
]
# What an agent puts in the way of a file that is attached at @WAY@/x, and of files attached later.
TRAPS = (
    "rm -rf @WAY@; ln -s /etc @WAY@",
    "rm -rf @WAY@; ln -s /proc/self/root/etc @WAY@",
    "rm -rf @WAY@; ln -s @FOLDER@ @WAY@",
    "rm -rf @WAY@; ln -s @WAY@ @WAY@",
    "rm -rf @WAY@; touch @WAY@",
    "rm -rf @WAY@; mkfifo @WAY@",
    "rm -f @WAY@/x; mkdir @WAY@/x",
    "rm -f @WAY@/x; mkdir -p @WAY@/x/y; touch @WAY@/x/y/z",
    "rm -f @WAY@/x; ln -s /etc/passwd @WAY@/x",
    "rm -f @WAY@/x; mkfifo @WAY@/x",
    "chmod 0 @WAY@",
    "cd /mnt/session/uploads; chmod 700 .; ln -s /etc later; ln -s /etc/passwd file",
    "cd /mnt/session/uploads; chmod 700 .; @DEEP@",
)

SPECIAL = """
import os, socket
os.makedirs("special", exist_ok=True)
os.chdir("special")
os.mkfifo("pipe")
socket.socket(socket.AF_UNIX).bind("socket")
open("closed", "w").close()
os.chmod("closed", 0)
os.mkdir("shut")
open("shut/in", "w").close()
os.chmod("shut", 0)
os.symlink("pipe", "link")
os.link("/workspace/plain", "hard")
"""

DEEP = """python3 -c 'import os
for n in range(1200):
    os.mkdir("d"); os.chdir("d")'"""

HOSTILE = r"""
import os, socket
os.chdir("/workspace")
def put(path, data=b"kept"):
    with open(path, "wb") as file:
        file.write(data)
for n, target in enumerate([b"/", b"/etc/passwd", b"../../..", b"/proc/self/root", b"/proc/1/root@FOLDER@/secret",
        b"@FOLDER@/secret", b"@STATE@/canary", b"loop12", b"\xff\xfe/..", b"x" * 4000, b"/workspace/../etc", b"a\nb",
        b"loop12", b"."]):
    os.symlink(target, b"loop%d" % n)
os.mkdir("odd")
for name in [b"new\nline", b"quote\"'`$(id)", b"back\\slash", b"tab\t", b"-rf", b" ", b"...", b"~", b"%2e%2e%2f",
        "\u202e\u2025".encode(), b"\x7f\x01", b"y" * 255, "\u00fc".encode() * 127]:
    put(b"odd/" + name)
put(b"odd/\xff\xfe-not-text")
os.mkdir(b"\xff-folder")
put(b"\xff-folder/in")
os.mkdir("many")
for n in range(5000):
    put("many/%d" % n, b"%d" % n)
os.mkfifo("pipe")
socket.socket(socket.AF_UNIX).bind("socket")
put("closed"); os.chmod("closed", 0)
os.mkdir("shut"); put("shut/in"); os.chmod("shut", 0)
os.mkdir("fixed"); put("fixed/in"); os.chmod("fixed", 0o555)
put("twin"); os.link("twin", "other-twin")
put("powerful"); os.chmod("powerful", 0o6777)
os.makedirs("/mnt/session/outputs", exist_ok=True)
for n, when in enumerate([-10**9, 10**12, 2**62]):
    put("/mnt/session/outputs/time%d" % n); os.utime("/mnt/session/outputs/time%d" % n, (when, when))
put("labelled")
try:
    os.setxattr("labelled", "user.lambent.metadata", b'{"a": "\\ud800", "\\ud800": [1]}')
except OSError:
    pass
os.mkdir("down"); os.chdir("down")
for n in range(60):
    os.mkdir("d" * 100); os.chdir("d" * 100); put("f")
"""
LOOK = r"""
import os, json
os.chdir("/workspace")
odd = sorted(os.fsencode(name).decode("latin-1") for name in os.listdir("odd"))
linked = [name for name in os.listdir(".") if os.path.islink(name)]
links = sorted((name, os.readlink(os.fsencode(name)).decode("latin-1")) for name in linked)
many = sorted(os.listdir("many")) == sorted(map(str, range(5000))) and open("many/4321").read() == "4321"
modes = {name: oct(os.stat(name).st_mode) for name in ("closed", "shut", "fixed", "powerful")}
os.chmod("shut", 0o700); shut = os.listdir("shut"); os.chmod("shut", 0)
depth, at = 0, "down"
while os.path.exists(at + "/" + "d" * 100 + "/f"):
    depth, at = depth + 1, at + "/" + "d" * 100
names = sorted(os.fsencode(name).decode("latin-1") for name in os.listdir("."))
print(json.dumps([odd, links, many, modes, shut, depth, names]))
"""
