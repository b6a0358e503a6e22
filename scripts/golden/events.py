"""An event file of TensorBoard's own writer for test/electra/report. python scripts/golden/events.py > test/fixtures/events.json
(tensorboard 2.21, protobuf 7.36; pip install --no-deps tensorboard protobuf numpy absl-py)."""

import io
import json

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

begun_at = 1764223200.25
events = [
    {"step": 1, "wallTime": 1764223200.75, "scalars": [["train/loss", 10.5], ["train/learningRate", 0.0001]]},
    {"step": 127, "wallTime": 1764223201.0, "scalars": [["train/loss", 9.25]]},
    {"step": 128, "wallTime": 1764223201.5, "scalars": [["held-out/Verlust äöü", -1.0]]},
    # Longer than a byte can say, and a step beyond 32 bits.
    {"step": 5000000000, "wallTime": 1764223299.125, "scalars": [["train/" + "x" * 200, 3.5], ["train/zero", 0.0]]},
]

file = io.BytesIO()
file.close = lambda: None
writer = RecordWriter(file)
writer.write(Event(wall_time=begun_at, file_version="brain.Event:2").SerializeToString())
for event in events:
    values = [Summary.Value(tag=tag, simple_value=value) for tag, value in event["scalars"]]
    summary = Summary(value=values)
    writer.write(Event(wall_time=event["wallTime"], step=event["step"], summary=summary).SerializeToString())

print(json.dumps({"begunAt": begun_at, "events": events, "hex": file.getvalue().hex()}, indent=1))
