"""A dataset is made in memory, mapped in two processes, saved, and loaded again."""

import tempfile

from datasets import Dataset, load_from_disk

dataset = Dataset.from_dict({"n": list(range(100))})
squares = dataset.map(lambda row: {"square": row["n"] ** 2}, num_proc=2)
assert squares["square"][:4] == [0, 1, 4, 9], squares["square"][:4]
even = squares.filter(lambda row: row["n"] % 2 == 0)
assert len(even) == 50, f"{len(even)} rows are even"
with tempfile.TemporaryDirectory() as folder:
    even.save_to_disk(folder)
    assert load_from_disk(folder)["n"][-1] == 98
print(f"{len(dataset)} rows")
