# SPDX-License-Identifier: Apache-2.0
"""Searches that are kept up (RFC 5267 4.3): the result list as a client holds it, moved by ADDTO and REMOVEFROM in the order in which they
appear. What a client could not carry out is a fault. list: None when the first answer did not tell all."""

MOST = 200000   # longer lists are not followed


def numbers(ranges):
    return [n for low, high in ranges for n in range(low, high + 1)]


class Live:
    def __init__(self, uid, sort, ranges):
        self.uid, self.sort = uid, sort
        long = ranges is not None and sum(z - a + 1 for a, z in ranges) > MOST
        self.list = None if ranges is None or long else numbers(ranges)

    def update(self, name, pairs, fault, exists):
        for position, ranges in pairs:
            if sum(z - a + 1 for a, z in ranges) > MOST:
                self.list = None
            if position == 0 and self.sort:
                fault("position 0 in the results of a SORT (RFC 5267 4.3.3)")
                self.list = None
            if self.list is None:
                continue
            for n, number in enumerate(numbers(ranges)):
                if name == "ADDTO":
                    self.add(number, position + n if position else 0, fault, exists)
                else:
                    self.remove(number, position, fault)

    def add(self, number, position, fault, exists):
        if number in self.list:
            fault(f"ADDTO of {number}, which is there already")
        elif not self.uid and exists is not None and number > exists:
            fault(f"ADDTO of the message number {number} before its EXISTS (RFC 5267 4.3.3)")
        elif position > len(self.list) + 1:
            fault(f"ADDTO at {position}, past the end of {len(self.list)} results")
        else:
            self.list.insert(position - 1 if position else len(self.list), number)

    def remove(self, number, position, fault):
        if number not in self.list:
            fault(f"REMOVEFROM of {number}, which is not in the results")
        elif position and self.list[position - 1:position] != [number]:
            fault(f"REMOVEFROM of {number} at {position}, where it is not")
        else:
            self.list.remove(number)

    def expunged(self, number, fault):
        if self.uid or self.list is None:
            return
        if number in self.list:
            fault(f"message {number} is expunged while it is in the results (RFC 5267 4.3.4)")
            self.list.remove(number)
        self.list = [n - 1 if n > number else n for n in self.list]

    def vanished(self, ranges, fault):
        if not self.uid:
            self.list = None    # which numbers these were is not known here
        elif self.list is not None and any(a <= n <= z for n in self.list for a, z in ranges):
            fault("a message vanishes while it is in the results (RFC 5267 4.3.4)")
