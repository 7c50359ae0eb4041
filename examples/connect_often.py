# SPDX-License-Identifier: BSD-2-Clause
"""connect_often.py HOST PORT N: opens and closes N connections, one after the
other, and says how far it came."""
import socket
import sys

host, port, n = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
where = socket.gethostbyname(host), port
for i in range(n):
    try:
        socket.create_connection(where).close()
    except OSError as error:
        print(f'port {port}: connection {i + 1}: {error.strerror}')
        break
else:
    print(f'port {port}: {n} connections, all well')
