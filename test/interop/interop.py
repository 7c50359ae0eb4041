# SPDX-License-Identifier: BSD-2-Clause
"""What the interop tests share.

Each test is a script that runs in a network namespace of its own and tells its
claims as TAP. Nothing waits by sleeping: wait_until() asks again and again, and
fails when its time is over.
"""
import contextlib
import hashlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

TERN = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ''
HERE = pathlib.Path(__file__).resolve().parent
PYTHON = os.path.realpath(sys.executable)
CLAIMS = []


class Failed(Exception):
    """A claim that does not hold."""


# Who started us may ignore these (nohup, a shell's background job), and what we
# start would inherit that.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)


def claim(function):
    """Registers a claim: its name, with blanks, is what it says."""
    CLAIMS.append(function)
    return function


def check(holds, *what):
    if not holds:
        raise Failed(' '.join(str(w) for w in what))


def equal(got, want, what):
    check(got == want, f'{what}: {got!r}, not {want!r}')


def wait_until(question, what, seconds=20):
    """The first true answer to question()."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failed(f'not within {seconds} s: {what}')
        time.sleep(0.01)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def skip_all(why):
    print(f'1..0 # SKIP {why}')
    sys.exit(0)


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            skip_all(f'no {program}')


def enter_namespace():
    """Starts again inside a network namespace, and a temporary directory."""
    if os.environ.get('TERN_INTEROP') == 'inside':
        return
    if not os.path.exists('/dev/net/tun'):
        skip_all('no /dev/net/tun')
    flags = ['-n'] if os.geteuid() == 0 else ['-Urn']
    if subprocess.run(['unshare', *flags, 'true'],
                      stderr=subprocess.DEVNULL).returncode:
        skip_all('no network namespaces here')
    if not os.access('/dev/net/tun', os.R_OK | os.W_OK):
        skip_all('/dev/net/tun may not be opened')
    os.environ['TERN_INTEROP'] = 'inside'
    os.execvp('unshare', ['unshare', *flags, PYTHON, *sys.argv])


def run_claims(prefix=''):
    """Plans and runs the claims; the exit status."""
    print(f'1..{len(CLAIMS)}', flush=True)
    wrong = [not run_claim(i, c, prefix) for i, c in enumerate(CLAIMS, 1)]
    return 1 if any(wrong) else 0


def both(tern_only=()):
    """Runs the claims of the calling script twice, in one program each: on the
    kernel's sockets and under tern. The same must hold for both; of the claims
    that are tern_only there is nothing to be seen on the kernel. Arguments of
    the script are paths."""
    where = os.environ.get('TERN_UNDER')
    if where:
        CLAIMS[:] = [c for c in CLAIMS
                     if where == 'tern' or c not in tern_only]
        sys.exit(run_claims(f'{where}: '))
    need('ip', 'unshare')
    enter_namespace()
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    with tempfile.TemporaryDirectory(prefix='tern-interop-') as folder:
        os.environ['XDG_RUNTIME_DIR'] = folder
        program = [PYTHON, *map(os.path.abspath, sys.argv)]
        number, wrong = 0, 0
        for where, line in (('kernel', program), ('tern', run_line(*program))):
            done = subprocess.run(line, env=os.environ | {'TERN_UNDER': where},
                                  cwd=folder, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, text=True,
                                  timeout=120)
            number, failed = relay(done, where, number)
            wrong += failed
        print(f'1..{number}')
    sys.exit(1 if wrong else 0)


def relay(done, where, number):
    """Numbers what a program said of its claims on; how many are wrong."""
    wrong, told, planned = 0, 0, None
    for line in done.stdout.splitlines():
        found = re.fullmatch(r'(ok|not ok) \d+ - (.*)', line)
        if line.startswith('1..'):
            planned = int(line[3:])
        elif found:
            number, told = number + 1, told + 1
            wrong += found[1] != 'ok'
            print(f'{found[1]} {number} - {found[2]}')
        else:
            print(line)
    if done.returncode not in (0, 1) or told != planned:
        number, wrong = number + 1, wrong + 1
        print(f'not ok {number} - {where}: the program came to its end '
              f'(status {done.returncode}, {told} of {planned} claims)')
    return number, wrong


def main(*programs, around=contextlib.nullcontext):
    """Runs the claims of the calling script, all of them within around()."""
    need('ip', 'unshare', *programs)
    enter_namespace()
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    with tempfile.TemporaryDirectory(prefix='tern-interop-') as folder:
        os.chdir(folder)
        os.environ['XDG_RUNTIME_DIR'] = folder
        with around():
            status = run_claims()
        os.chdir('/')
    sys.exit(status)


def run_claim(number, function, prefix=''):
    name = prefix + function.__name__.replace('_', ' ')
    try:
        function()
        print(f'ok {number} - {name}', flush=True)
        return True
    except Exception:
        for line in traceback.format_exc().splitlines():
            print(f'# {line}')
        print(f'not ok {number} - {name}', flush=True)
        return False


def tern(*args, timeout=60, **kw):
    """A tern command to its end; stdout and stderr as text."""
    return subprocess.run([TERN, *map(str, args)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=timeout, **kw)


def net_example(name):
    """What a network of examples/ prints."""
    root = HERE.parent.parent
    done = subprocess.run([TERN, 'net', f'examples/{name}.net'], cwd=root,
                          env=os.environ | {'TERN': TERN}, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=90)
    equal(done.returncode, 0, done.stderr + done.stdout)
    return done.stdout


V4 = ('10.0.0.2', '10.0.0.1')
V6 = ('fd00::2', 'fd00::1')


def run_line(*program, tun='tern0', options=()):
    """tern run with addresses of both families."""
    return [TERN, 'run', '--tun', tun, '--addr', V4[0] + '/24',
            '--addr', V6[0] + '/64', *map(str, options), '--',
            *map(str, program)]


@contextlib.contextmanager
def running(*program, tun='tern0', options=(), **kw):
    """A program under tern while the block runs; its device and its children
    are gone after it."""
    kw.setdefault('stdout', subprocess.PIPE)
    kw.setdefault('stdin', subprocess.DEVNULL)
    line = run_line(*program, tun=tun, options=options)
    process = subprocess.Popen(line, text=True, **kw)
    try:
        wait_until(lambda: has_device(tun) or process.poll() is not None,
                   f'device {tun}')
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failed('tern run does not end') from None
        finally:
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()
    check(not has_device(tun), f'{tun} is still there')


def client(*program, timeout=120, **kw):
    """A program under tern to its end."""
    return subprocess.run(run_line(*program, **kw), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=timeout)


def has_device(name):
    return name in {n for _, n in socket.if_nameindex()}


def children(pid):
    """All processes below pid."""
    found, todo = [], [pid]
    while todo:
        parent = todo.pop()
        with contextlib.suppress(OSError):
            for task in os.listdir(f'/proc/{parent}/task'):
                text = pathlib.Path(
                    f'/proc/{parent}/task/{task}/children').read_text()
                todo += map(int, text.split())
                found += map(int, text.split())
    return found


def is_alive(pid):
    """Is it a process that still runs (and not a zombie)?"""
    try:
        stat = pathlib.Path(f'/proc/{pid}/stat').read_text()
    except OSError:
        return False
    return stat.rpartition(')')[2].split()[0] != 'Z'


def answers(host, port):
    """Does somebody listen there, seen from the kernel's side?"""
    try:
        socket.create_connection((host, port), 1).close()
        return True
    except OSError:
        return False


def wait_for_port(host, port):
    wait_until(lambda: answers(host, port), f'{host} port {port}')


def url(host, port, path):
    return f'http://[{host}]:{port}/{path}' if ':' in host else \
        f'http://{host}:{port}/{path}'


def http_server(folder, port, *more):
    return [PYTHON, '-m', 'http.server', '--directory', folder, *more, port]


@contextlib.contextmanager
def kernel_server(*program):
    """A program on the kernel's TCP while the block runs."""
    process = subprocess.Popen([*map(str, program)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
