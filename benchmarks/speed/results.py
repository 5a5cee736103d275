"""Results as they come, a JSON line each, so that a run which was cut goes on where it was."""
import json
import statistics


class Results:
    def __init__(self, path):
        self.path = path
        self.rows = []
        if path.exists():
            text = path.read_text()
            # What follows the last newline was being written when the machine went down.
            whole = text[:text.rfind("\n") + 1]
            self.rows = [json.loads(line) for line in whole.splitlines()]
            if whole != text:
                path.write_text(whole)

    def has(self, task, round_number):
        return any(row["task"] == task and row["round"] == round_number for row in self.rows)

    def add(self, task, round_number, facts):
        row = {"task": task, "round": round_number, **facts}
        self.rows.append(row)
        with open(self.path, "a") as file:
            file.write(json.dumps(row) + "\n")

    def values(self, task, key="seconds"):
        return [row[key] for row in self.rows if row["task"] == task and row.get(key) is not None]

    def median(self, task, key="seconds"):
        """None when there is no round yet."""
        values = self.values(task, key)
        return statistics.median(values) if values else None

    def failures(self, task):
        return [row["failed"] for row in self.rows if row["task"] == task and "failed" in row]

    def ratio(self, task, other, key="seconds"):
        """Median of the rounds' own ratios: what made one round slow made both slow."""
        ratios = [one / another for one, another in self._pairs(task, other, key)]
        return statistics.median(ratios) if ratios else None

    def difference(self, task, other, key="seconds"):
        """Median of the rounds' own differences."""
        differences = [one - another for one, another in self._pairs(task, other, key)]
        return statistics.median(differences) if differences else None

    def _pairs(self, task, other, key):
        """The values of two tasks in each round that has both."""
        others = {row["round"]: row[key] for row in self.rows if row["task"] == other and row.get(key)}
        return [
            (row[key], others[row["round"]]) for row in self.rows
            if row["task"] == task and row.get(key) and row["round"] in others
        ]
