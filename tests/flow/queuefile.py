# SPDX-License-Identifier: ISC
"""What is in a queue file, read without any of our own code."""


class QueueFile:
    def __init__(self, path):
        with open(path, "rb") as f:
            whole = f.read()
        words = whole[:63].decode().split(" ")
        envelope, content = (int(word, 16) for word in words[2:4])
        self.flags = int(words[6], 16)
        self.envelope = whole[64 : 64 + envelope].decode()
        self.content = whole[64 + envelope : 64 + envelope + content]
        self.journal = whole[64 + envelope + content :]
        # ours comes first: "Received: ...", its folded lines, then the client's
        end = self.content.index(b"\r\n", self.content.index(b";\r\n\t") + 3) + 2
        self.received = self.content[:end].decode()
        self.body = self.content[end:]

    def values(self, tag):
        """All values of an envelope's tag, in their order."""
        lines = (line.partition(" ") for line in self.envelope.splitlines())
        return [value for name, _, value in lines if name == tag]
