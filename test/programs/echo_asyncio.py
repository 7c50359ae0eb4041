# SPDX-License-Identifier: BSD-2-Clause
"""An echo server and its clients, with asyncio.

    echo_asyncio.py serve PORT
    echo_asyncio.py ask HOST PORT N     N clients at a time
"""
import asyncio
import os
import sys


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def serve(port):
    server = await asyncio.start_server(echo, None, port)
    await server.serve_forever()


async def ask_once(host, port):
    reader, writer = await asyncio.open_connection(host, port)
    sent = os.urandom(200000)

    async def send():
        writer.write(sent)
        await writer.drain()
        writer.write_eof()
    got, _ = await asyncio.gather(reader.read(-1), send())
    writer.close()
    return got == sent


async def ask(host, port, n):
    good = await asyncio.gather(*(ask_once(host, port) for _ in range(n)))
    print(sum(good))


if sys.argv[1] == 'serve':
    asyncio.run(serve(int(sys.argv[2])))
else:
    asyncio.run(ask(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
