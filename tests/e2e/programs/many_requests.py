"""Many connections by name at once: many_requests.py COUNT HOST PORT. Port 443 is TLS. All of them
stand before the first one asks for its number; says how many got theirs."""

import asyncio
import ssl
import sys


async def ask(number, stands, all_stand):
    context = CONTEXT if PORT == 443 else None
    reader, writer = await asyncio.open_connection(HOST, PORT, ssl=context)
    stands[number] = True
    if all(stands):
        all_stand.set()
    await all_stand.wait()
    writer.write(f"GET /{number} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.endswith(f"/{number}\n".encode())


async def main():
    stands, all_stand = [False] * COUNT, asyncio.Event()
    found = await asyncio.gather(*(ask(number, stands, all_stand) for number in range(COUNT)),
                                 return_exceptions=True)
    print(sum(one is True for one in found), "answered",
          *{repr(one) for one in found if isinstance(one, Exception)})


COUNT, HOST, PORT = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
CONTEXT = ssl.create_default_context()
asyncio.run(asyncio.wait_for(main(), 60))
