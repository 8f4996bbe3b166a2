# SPDX-License-Identifier: Apache-2.0
"""floorplan: src/FLOORS as it is read: which folder of src/ may see which.

A line is a floor, lowest first. Names on one line are neighbours that do not see each other, but for the sub-folders of one folder, and that
folder itself: those are ordered from left to right. "|" only divides for the eye. A folder that is not named belongs to the one it lies in.

What a folder's files share (_priv.h) its sub-folders on its right may read, too: they are made of the same. Tests of a folder may use these.
"""
import os


class FloorPlan:
    def __init__(self, text):
        self.place = {}  # folder: (line, position in the line)
        for line, words in enumerate(text.splitlines()):
            for position, name in enumerate(w for w in words.split("#")[0].split() if w != "|"):
                self.place[name] = (line, position)

    def folder(self, path):
        """The folder of FLOORS that a path below src/ belongs to, or None."""
        folder = os.path.dirname(path)
        while folder and folder not in self.place:
            folder = os.path.dirname(folder)
        return folder or None

    def inside(self, user, used):
        """May files of the folder user read what the files of the folder used share among themselves?"""
        return user == used or (user.startswith(used + "/") and self.fault(user, used) is None)

    def fault(self, user, used):
        """Why files of the folder user must not see those of the folder used, or None."""
        if user == used:
            return None
        (line, position), (other_line, other_position) = self.place[user], self.place[used]
        if other_line > line:
            return f"{user} reaches upward to {used}"
        if other_line < line:
            return None
        if user.split("/")[0] != used.split("/")[0]:
            return f"{user} and {used} are neighbours and do not see each other"
        return f"{user} reaches upward to {used}" if other_position > position else None
