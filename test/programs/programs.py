# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of unmodified programs share.

Each exchange is done on four legs, in a network namespace of its own:

    tern serves the kernel      server under tern run, client on the kernel
    the kernel serves tern      the other way round
    tern serves tern            both, on two stacks; the kernel forwards
    over a bad wire             both, on two hosts of tern net, with 3 % loss
                                and a round trip of 30 ms

and tern's own counters must show that what the exchange moved crossed it.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent /
                       'interop'))
# pylint: disable=wrong-import-position,unused-import
import interop
from interop import (PYTHON, TERN, Failed, answers, check, children, claim,
                     equal, has_device, need, net_example, sha256, skip_all,
                     tern, wait_until)

SOURCES = pathlib.Path(__file__).resolve().parent

# A stack: its device, its addresses, and the kernel's beside them.
HOSTS = {
    'server': ('tern0', '10.0.0.2', 'fd00::2', '10.0.0.1', 'fd00::1'),
    'client': ('tern1', '10.0.1.2', 'fd01::2', '10.0.1.1', 'fd01::1'),
}


class Leg:
    """Who is on what, and where the client finds the server."""

    # Of the usual number of bytes: a few per cent of loss leave a few
    # Mbit/s of a path, as TCP's response function has it.
    share = 1
    # Fewer than these may be lost of a thousand datagrams or more.
    lost_percent = 2

    def __init__(self, server, client):
        self.server, self.client = server, client
        self.name = f'{server} serves {client}'
        if server == 'tern':
            _, self.v4, self.v6, _, _ = HOSTS['server']
        else:
            _, _, _, self.v4, self.v6 = HOSTS['client']

    def line(self, role, *program):
        """A program on a stack of its own."""
        tun, v4, v6, *_ = HOSTS[role]
        return [TERN, 'run', '--tun', tun, '--addr', v4 + '/24', '--addr',
                v6 + '/64', '--', *map(str, program)]

    @contextlib.contextmanager
    def serving(self, *program, port, is_up=None, **kw):
        """A server while the block runs; it is up when its port answers."""
        line = [*map(str, program)]
        if self.server == 'tern':
            line = self.line('server', *program)
        host = self.v4
        if self.server == 'kernel':
            host = '127.0.0.1'
        with open('server.log', 'wb') as log:
            process = subprocess.Popen(line, stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log,
                                       start_new_session=True, **kw)
        try:
            wait_until(lambda: process.poll() is not None or
                       (is_up or answers)(host, port),
                       f'a server on port {port}', 60)
            check(process.poll() is None, 'the server ended:', server_log())
            yield process
            if self.server == 'tern':
                crossed('TcpInSegs', 'UdpInDatagrams')
        except Failed as failure:
            raise Failed(f'{failure}\n# server: {server_log()}') from None
        finally:
            end_group(process)
            wait_until(lambda: not has_device('tern0'), 'no tern0 any more')

    def use(self, *program, status=0, timeout=120, **kw):
        """Runs the client to its end; what it printed."""
        line = [*map(str, program)]
        if self.client == 'tern':
            # The stack ends with its program, so it is asked from inside.
            asks = '"$@"; status=$?; ' \
                f'{TERN} nstat --host tern1 -asj >counted.json; exit $status'
            line = self.line('client', 'sh', '-c', asks, 'sh', *program)
        kw.setdefault('stdin', subprocess.DEVNULL
                      if 'input' not in kw else None)
        if 'input' in kw:
            del kw['stdin']
        done = subprocess.run(line, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=timeout, **kw)
        equal(done.returncode, status,
              f'status of {program[0]} ({done.stderr.decode()[-2000:]} '
              f'{done.stdout[-500:].decode(errors="replace")})')
        if self.client == 'tern':
            counted = json.loads(
                pathlib.Path('counted.json').read_text())['kernel']
            check('TcpInSegs' in counted or 'UdpInDatagrams' in counted,
                  'nothing crossed the client\'s stack:', counted)
        return done


WIRE = '''
seed 11
host tern1
host tern0
link tern1 tern0 delay 15ms loss 3%
'''


class WireLeg(Leg):
    """Hosts of a network whose names are those of the devices elsewhere."""

    share = 0.04
    # Four standard deviations above the wire's 3.
    lost_percent = 5.2

    def __init__(self):
        super().__init__('tern', 'tern')
        self.name = 'over a bad wire'
        self.v4, self.v6 = '10.1.0.2', 'fd00:0:0:1::2'

    @contextlib.contextmanager
    def serving(self, *program, port, is_up=None, **kw):
        pathlib.Path('wire.net').write_text(WIRE)
        net = subprocess.Popen([TERN, 'net', 'wire.net'],
                               stdin=subprocess.DEVNULL)
        try:
            wait_until(lambda: tern('ss', '--host', 'tern0').returncode == 0,
                       'the network')
            with super().serving(*program, port=port,
                                 is_up=is_up or listens, **kw) as process:
                yield process
        finally:
            net.terminate()
            net.wait(30)

    def line(self, role, *program):
        return [TERN, 'run', '--host', HOSTS[role][0], '--',
                *map(str, program)]


def listens(_, port):
    """Does somebody on the server's host?"""
    return tern('ss', '--host', 'tern0', '-lnH', 'sport', '=',
                f':{port}').stdout != ''


LEGS = [Leg('tern', 'kernel'), Leg('kernel', 'tern'), Leg('tern', 'tern'),
        WireLeg()]


def server_log():
    with contextlib.suppress(OSError):
        return pathlib.Path('server.log').read_text(errors='replace')[-2000:]
    return ''


def crossed(*counters):
    """The server's stack has counted something under one of these names."""
    asked = tern('nstat', '--host', 'tern0', '-asj', *counters)
    equal(asked.returncode, 0, asked.stderr)
    check(json.loads(asked.stdout)['kernel'],
          'nothing crossed the server\'s stack')


def end_group(process):
    """Ends a server and what it started."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(15)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def exchange(function):
    """Registers an exchange: a claim for each leg."""
    for leg in LEGS:
        def run(leg=leg):
            function(leg)
        run.__name__ = f'{function.__name__}_{leg.name.replace(" ", "_")}'
        interop.claim(run)
    return function


def main(*programs):
    interop.need('ip', 'unshare', *programs)
    interop.enter_namespace()
    for knob in ('net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding'):
        pathlib.Path('/proc/sys', knob).write_text('1')
    interop.main()


def descriptors(pid):
    """Open files, but for the runner's cache of the programs' pidfds."""
    names = []
    for number in os.listdir(f'/proc/{pid}/fd'):
        with contextlib.suppress(OSError):
            names.append(os.readlink(f'/proc/{pid}/fd/{number}'))
    return sum('pidfd' not in name for name in names)


def memory(pid):
    """Resident, in KiB."""
    status = pathlib.Path(f'/proc/{pid}/status').read_text()
    return int(re.search(r'VmRSS:\s+(\d+)', status)[1])


NGINX = '''
daemon off; worker_processes 2; pid {here}/nginx.pid; user root; {also}
error_log {here}/nginx.err; events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {here}/body;
  proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/fastcgi;
  uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
  server {{ listen 8080; root {here}/www; }}
}}
'''


def nginx_conf(also=''):
    """Writes nginx.conf: two workers serve www on port 8080."""
    pathlib.Path('nginx.conf').write_text(
        NGINX.format(here=os.getcwd(), also=also))


def make_file(name, size):
    """A file of random bytes; its SHA-256."""
    data = os.urandom(int(size))
    pathlib.Path(name).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(name).write_bytes(data)
    return sha256(data)


def url(leg, port, path, family='v4'):
    return interop.url(getattr(leg, family), port, path)


def as_user(name, *program):
    """The same for a program that will not run as root."""
    if os.geteuid() != 0:
        return [*program]
    return ['setpriv', '--reuid', name, '--regid', name, '--clear-groups',
            *program]
