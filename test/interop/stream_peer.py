# SPDX-License-Identifier: BSD-2-Clause
"""One end of a large transfer: sends N bytes and receives N, at the same time.

    stream_peer.py listen PORT N SEED
    stream_peer.py connect HOST PORT N SEED

Prints the SHA-256 of what it sent and of what it received. No two blocks of
what is sent are alike, so that a block in the wrong place shows.
"""
import hashlib
import random
import socket
import sys
import threading

BLOCK = 1 << 20


def blocks(n, seed):
    body = random.Random(seed).randbytes(BLOCK - 8)
    for i in range(n // BLOCK):
        yield i.to_bytes(8, 'big') + body


def send_all(conn, n, seed, out):
    digest = hashlib.sha256()
    for block in blocks(n, seed):
        digest.update(block)
        conn.sendall(block)
    conn.shutdown(socket.SHUT_WR)
    out.append(digest.hexdigest())


def main():
    mode, *where, n, seed = sys.argv[1:]
    if mode == 'listen':
        listener = socket.create_server(('', int(where[0])))
        print('listening', flush=True)
        conn, _ = listener.accept()
    else:
        conn = socket.create_connection((where[0], int(where[1])))
    sent, digest = [], hashlib.sha256()
    sender = threading.Thread(target=send_all,
                              args=(conn, int(n), int(seed), sent))
    sender.start()
    buf = memoryview(bytearray(BLOCK))
    while got := conn.recv_into(buf):
        digest.update(buf[:got])
    sender.join()
    print('sent', sent[0])
    print('received', digest.hexdigest())


main()
