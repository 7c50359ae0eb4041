# SPDX-License-Identifier: BSD-2-Clause
"""A socket of the kernel and one of tern in each of TCP's states.

The peer of both is this program, with packets made by hand over a TUN device
of its own; for tern's sockets the kernel forwards between the two devices:

    kernel 10.1.0.1 -- peer0 -- 10.1.0.2, we     tern 10.0.0.2 -- tern0 -- kernel

So a state that lasts as long as an acknowledgement is missing lasts as long as
we like. The ports are the same on both sides; the peer's tells which state.
"""
import contextlib
import fcntl
import functools
import os
import pathlib
import select
import socket
import struct
import subprocess
import time

from interop import PYTHON, Failed, check, claim, run_line

PEER, KERNEL, TERN_ADDR = '10.1.0.2', '10.1.0.1', '10.0.0.2'
LISTENER = 8000
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

# With these the only timer that fires in a test is the one of a SYN, and at the
# same pace on both sides: RTO_MS is longer than a test takes on a busy machine.
# (Of the congestion controls every kernel has reno.)
RTO_MS = 100000
KNOBS = {'net.ipv4.tcp_rto_min_us': RTO_MS * 1000, 'net.ipv4.tcp_early_retrans': 0,
         'net.ipv4.tcp_congestion_control': 'reno',
         'net.ipv4.tcp_syn_linear_timeouts': 4,
         'net.ipv4.tcp_rmem': '4096 131072 6291456'}

PUPPET = '''
import socket, sys
addr = sys.argv[1]
s = {}
def listen(port):
    s[port] = socket.create_server((addr, port), backlog=5)
def connect(port, to):
    c = socket.socket()
    c.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    c.bind((addr, port))
    c.setblocking(False)
    c.connect_ex(('10.1.0.2', to))
    s[to] = c
def udp(port, to=0):
    s[port] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s[port].bind((addr, port))
    if to:
        s[port].connect(('10.1.0.2', to))
def six(port, v6only):
    s[port] = []
    for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
        c = socket.socket(socket.AF_INET6, kind)
        c.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
        c.bind(('::', port))
        if kind == socket.SOCK_STREAM:
            c.listen(3)
        s[port].append(c)
def accept(port):
    c, peer = s[port].accept()
    s[peer[1]] = c
def stop(to):
    s[to].shutdown(socket.SHUT_WR)
def close(to):
    s.pop(to).close()
def send(to, data):
    s[to].send(data)
print('up', flush=True)
for line in sys.stdin:
    exec(line)
    print('done', flush=True)
'''


def checksum(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Device:
    """Our end of peer0: segments to and from us."""

    def __init__(self):
        self.fd = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.fd, 0x400454ca,  # TUNSETIFF, IFF_TUN | IFF_NO_PI
                    struct.pack('16sH22x', b'peer0', 0x1001))
        self.seen = []

    def send(self, to, sport, dport, seq, ack, flags, options=b'', data=b''):
        src, dst = socket.inet_aton(PEER), socket.inet_aton(to)
        head = struct.pack('!HHIIBBHHH', sport, dport, seq, ack,
                           (20 + len(options)) // 4 << 4, flags, 64000, 0, 0)
        length = len(head) + len(options) + len(data)
        sums = checksum(src + dst + struct.pack('!HH', 6, length) + head +
                        options + data)
        ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + length, 1, 0, 64, 6, 0,
                         src, dst)
        ip = ip[:10] + struct.pack('!H', checksum(ip)) + ip[12:]
        os.write(self.fd, ip + head[:16] + struct.pack('!H', sums) +
                 head[18:] + options + data)

    def expect(self, addr, to, flags, seconds=10):
        """The next segment from addr to our port that has these flags: its
        sequence number, length and timestamp."""
        end = time.monotonic() + seconds
        while True:
            for i, (src, port, has, *rest) in enumerate(self.seen):
                if (src, port) == (addr, to) and has & flags == flags:
                    del self.seen[i]
                    return rest
            left = end - time.monotonic()
            if left < 0 or not select.select([self.fd], [], [], left)[0]:
                raise Failed(f'no segment {flags:#x} from {addr} to {to}')
            self.take(os.read(self.fd, 65536))

    def take(self, packet):
        if packet[0] != 0x45 or packet[9] != 6:
            return
        tcp = packet[20:]
        _, port, seq, _, off, flags = struct.unpack('!HHIIBB', tcp[:14])
        data = len(tcp) - (off >> 4) * 4
        self.seen.append((socket.inet_ntoa(packet[12:16]), port, flags, seq,
                          data + (flags & FIN) + bool(flags & SYN),
                          stamp(tcp[20:(off >> 4) * 4])))


def stamp(options):
    """The value of a timestamps option."""
    while options:
        if options[0] == 8:
            return struct.unpack('!I', options[2:6])[0]
        options = options[1 if options[0] == 1 else options[1]:]
    return 0


class Flow:
    """Our side of one connection."""

    def __init__(self, device, addr, sport, dport):
        self.device, self.addr = device, addr
        self.sport, self.dport = sport, dport
        self.seq, self.ack, self.echo = 1000, 0, 0

    def send(self, flags, data=b''):
        stamps = struct.pack('!BBII', 8, 10, 7000 + self.seq, self.echo)
        options = b'\1\1' + stamps
        if flags & SYN:
            options = struct.pack('!BBHBB', 2, 4, 1460, 4, 2) + stamps + \
                b'\1\3\3\7'
        self.device.send(self.addr, self.sport, self.dport, self.seq, self.ack,
                         flags, options, data)
        self.seq += len(data) + bool(flags & (SYN | FIN))

    def take(self, flags):
        """Takes a segment, so that our next one acknowledges it."""
        seq, length, self.echo = self.device.expect(self.addr, self.sport,
                                                    flags)
        self.ack = (seq + length) & 0xffffffff
        return self


class Side:
    """One of the two stacks: its sockets, and our flows with them."""

    def __init__(self, device, addr, line):
        self.device, self.addr = device, addr
        self.process = subprocess.Popen(
            [*line, PYTHON, '-c', PUPPET, addr], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        check(self.process.stdout.readline() == 'up\n', 'a puppet starts')

    def do(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()
        check(self.process.stdout.readline() == 'done\n', line)

    def connected(self, to):
        """An active open to our port, done."""
        flow = Flow(self.device, self.addr, to, to - 10000)
        self.do(f'connect({to - 10000}, {to})')
        flow.take(SYN).send(SYN | ACK)
        return flow.take(ACK)

    def entering(self, to):
        """A passive open from our port, whose last segment is missing."""
        flow = Flow(self.device, self.addr, to, LISTENER)
        flow.send(SYN)
        return flow.take(SYN | ACK)

    def closing(self, to, how='stop'):
        """Closed by the program first; the FIN is not acknowledged."""
        flow = self.connected(to)
        self.do(f'{how}({to})')
        return flow

    def closed_by_us(self, to):
        flow = self.connected(to)
        flow.send(FIN | ACK)
        return flow.take(ACK)

    def fill(self):
        """A socket in each state; what does not last comes last."""
        self.do(f'listen({LISTENER})')
        flow = self.entering(20001)  # ESTAB, with bytes both ways
        flow.send(ACK)
        self.do(f'accept({LISTENER})')
        flow.send(PSH | ACK, b'12345')
        flow.take(ACK)
        self.do("send(20001, b'1234567')")
        self.entering(20002).send(ACK)  # waits to be accepted
        self.closing(20003).device.expect(self.addr, 20003, FIN)
        self.closing(20004).take(FIN).send(ACK)
        self.closing(20005).device.expect(self.addr, 20005, FIN)
        Flow.send(self.flow_closing(20006), FIN | ACK)
        self.closing(20007).take(FIN).send(FIN | ACK)
        self.closed_by_us(20008)
        self.closed_by_us(20009)
        self.do('stop(20009)')
        self.closed_by_us(20010)
        self.do('close(20010)')
        self.closing(20011, 'close').device.expect(self.addr, 20011, FIN)
        self.closing(20012, 'close').take(FIN).send(ACK)
        self.connected(20013)
        flow = self.connected(20016)  # CLOSE-WAIT, with bytes to read
        flow.send(PSH | ACK, b'abc')
        flow.take(ACK).send(FIN | ACK)
        flow.take(ACK)

    def fill_others(self):
        self.do('udp(9001)')
        self.do('udp(9002, 20017)')
        self.do('six(9003, 0)')
        self.do('six(9004, 1)')

    def flow_closing(self, to):
        """Our FIN crosses the program's."""
        flow = self.closing(to)
        ack = flow.ack
        flow.take(FIN)
        flow.ack = ack
        return flow

    def fill_late(self):
        self.do('connect(10014, 20014)')  # SYN-SENT
        self.device.expect(self.addr, 20014, SYN)
        self.entering(20015)  # SYN-RECV

    def end(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


def set_knobs():
    for name, value in KNOBS.items():
        pathlib.Path('/proc/sys', *name.split('.')).write_text(str(value))
    pathlib.Path('/proc/sys/net/ipv4/ip_forward').write_text('1')
    for name in ('all', 'default'):
        pathlib.Path(f'/proc/sys/net/ipv4/conf/{name}/rp_filter').write_text(
            '0')


@contextlib.contextmanager
def all_states():
    """The kernel's side and tern's, filled, while the block runs."""
    set_knobs()
    device = Device()
    for words in (f'addr add {KERNEL}/24 dev peer0', 'link set peer0 up'):
        subprocess.run(['ip', *words.split()], check=True)
    options = [w for k, v in KNOBS.items() for w in ('--set', f'{k}={v}')]
    sides = []
    try:
        sides.append(Side(device, KERNEL, []))
        sides.append(Side(device, TERN_ADDR, run_line(options=options)))
        for side in sides:
            side.fill()
            side.fill_others()
        for side in sides:
            side.fill_late()
        yield sides
    finally:
        for side in sides:
            side.end()
        os.close(device.fd)


def looked(compare):
    """Two looks at two stacks are not of one instant: a SYN may be resent in
    between, by one of them. Such a moment does not come three times."""
    @functools.wraps(compare)
    def thrice():
        for _ in range(2):
            with contextlib.suppress(Failed):
                return compare()
        return compare()
    return claim(thrice)
