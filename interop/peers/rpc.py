"""The loop of a peer program: calls come in on standard input, answers go out on
standard output, a JSON object a line. It ends with its input."""
import asyncio
import hashlib
import inspect
import json
import os
import sys
import threading
import time


def serve(version, new_peer, loop=None, at_end=lambda: None):
    """Calls methods of peers, each on a thread of its own; coroutines run in loop."""
    peers, lock, out = [], threading.Lock(), sys.stdout
    sys.stdout = sys.stderr  # what a stack prints is no answer

    def say(message):
        with lock:
            out.write(json.dumps(message) + '\n')
            out.flush()

    def finish(value):
        if inspect.isawaitable(value):
            return asyncio.run_coroutine_threadsafe(value, loop).result()
        return value

    async def make(args):
        return new_peer(*args)

    def run(call):
        try:
            if call['peer'] < 0:
                peer = finish(make(call['args'])) if loop else new_peer(*call['args'])
                with lock:
                    peers.append(peer)
                    result = len(peers) - 1
            elif call['method'] == 'each':  # a method with each of a list of arguments
                method, calls = call['args']
                result = [finish(getattr(peers[call['peer']], method)(*args)) for args in calls]
            else:
                result = finish(getattr(peers[call['peer']], call['method'])(*call['args']))
            say({'id': call['id'], 'result': result})
        except Exception as e:
            say({'id': call['id'], 'error': repr(e)})

    say({'version': version})
    for line in sys.stdin:
        threading.Thread(target=run, args=(json.loads(line),), daemon=True).start()
    at_end()
    os._exit(0)


class Log:
    """A peer's log of events, and waiting for a change in it."""

    def __init__(self):
        self.log, self.changed = [], threading.Condition()

    def note(self, what):
        with self.changed:
            self.log.append(what)
            self.changed.notify_all()

    def until(self, what, condition, timeout=60):
        """Blocks the calling thread until condition gives something true. condition runs
        without the lock: it may ask a stack that holds a lock of its own while it notes."""
        end = time.monotonic() + timeout
        while True:
            value = condition()
            if value:
                return value
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError(f'waiting for {what}; log: {self.log}')
            with self.changed:
                self.changed.wait(min(left, 0.02))

    def events(self):
        return self.log


def fingerprint(data):
    """The message's kind, then the SHA-256 of its bytes."""
    text = isinstance(data, str)
    return ('t ' if text else 'b ') + hashlib.sha256(data.encode() if text else data).hexdigest()


def content(index, entry):
    """A message of a plan: text has exactly size bytes in UTF-8."""
    kind, size = entry
    if kind == 'b':
        return os.urandom(size)
    return ('\u00e9\u6a4b\U0001f309' + str(index % 10)) * (size // 10) + 'x' * (size % 10)
