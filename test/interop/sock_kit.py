# SPDX-License-Identifier: BSD-2-Clause
"""Sockets for the claims that hold on the kernel and under tern alike: pairs
of connected ones over the loopback, of both families."""
import array
import contextlib
import fcntl
import os
import select
import socket
import struct
import threading

from interop import Failed, equal, wait_until

FAMILIES = ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1'))
RESET = struct.pack('ii', 1, 0)  # SO_LINGER: close() sends RST
SIOCOUTQ, FIONREAD = 0x5411, 0x541b
# scripts/sabotage, which wants red soon, has less patience.
SECONDS = int(os.environ.get('TERN_SECONDS', 10))


def each_family(work):
    for family, here in FAMILIES:
        work(family, here)


@contextlib.contextmanager
def listening(family=socket.AF_INET, here='127.0.0.1', backlog=16):
    with socket.socket(family) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((here, 0))
        s.listen(backlog)
        yield s


@contextlib.contextmanager
def connected(family=socket.AF_INET, here='127.0.0.1'):
    """(who connected, who was accepted)"""
    with listening(family, here) as listener:
        a = socket.create_connection(listener.getsockname()[:2])
        b, _ = listener.accept()
        a.settimeout(SECONDS)
        b.settimeout(SECONDS)
        with a, b:
            yield a, b


def reset(s):
    """Closes s with a RST."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    s.close()


def ioctl_int(s, request):
    value = array.array('i', [0])
    fcntl.ioctl(s, request, value)
    return value[0]


def readable(s, n=1):
    """Waits until n bytes are there."""
    wait_until(lambda: ioctl_int(s, FIONREAD) >= n, f'{n} bytes to read')


def polled(s, wanted, mask=None, seconds=SECONDS):
    """What s polls, once all of `wanted` is among it."""
    p = select.poll()
    p.register(s, mask or wanted)
    got = 0

    def ask():
        nonlocal got
        got = dict(p.poll(0)).get(s.fileno(), 0)
        return got & wanted == wanted
    wait_until(ask, f'poll gives {wanted:#x}', seconds)
    return got


def error_of(work, *args):
    """The errno that work() fails with; None if it does not; 'timeout' is
    Python's own."""
    try:
        work(*args)
    except OSError as e:
        return e.errno or 'timeout'
    return None


def fails(want, work, *args):
    equal(error_of(work, *args), want, 'errno')


def so_error(s):
    return s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def all_of(s):
    """Everything up to the end of the stream."""
    got = bytearray()
    while chunk := s.recv(1 << 16):
        got += chunk
    return bytes(got)


class Doing(threading.Thread):
    """work() in a thread; result() waits for what it gave."""

    def __init__(self, work, *args):
        super().__init__(daemon=True)
        self.work = work, args
        self.answer = None
        self.start()

    def run(self):
        work, args = self.work
        try:
            self.answer = ('is', work(*args))
        except OSError as e:
            self.answer = ('fails', e.errno)

    def result(self):
        self.join(SECONDS)
        if self.is_alive():
            raise Failed('still waiting')
        return self.answer


def sleeps(thread_id):
    """Does this thread of ours wait in the kernel?"""
    with open(f'/proc/self/task/{thread_id}/stat') as f:
        return f.read().rpartition(')')[2].split()[0] == 'S'


def until_it_waits(doing):
    wait_until(lambda: doing.native_id and sleeps(doing.native_id),
               'the thread waits')
