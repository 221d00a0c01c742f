"""Writes the bytes beside this file with another encoder: Python's protobuf package and its json module.

Run once, with protobuf 7.36.2: `pip install protobuf==7.36.2 && python make.py`. The tests read what it wrote.
"""

import json
import pathlib
import textwrap
import zlib

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

FIELD = descriptor_pb2.FieldDescriptorProto
SCHEMA = {
    "Item": [("sku", FIELD.TYPE_STRING), ("quantity", FIELD.TYPE_UINT32), ("unit_price_cents", FIELD.TYPE_UINT64)],
    "Order": [
        ("order_id", FIELD.TYPE_UINT64),
        ("user_id", FIELD.TYPE_UINT64),
        ("currency", FIELD.TYPE_STRING),
        ("total_cents", FIELD.TYPE_UINT64),
        ("items", FIELD.TYPE_MESSAGE),
        ("created_at", FIELD.TYPE_UINT64),
        ("note", FIELD.TYPE_STRING),
    ],
    "Comment": [("id", FIELD.TYPE_UINT64), ("text", FIELD.TYPE_STRING)],
}


def classes():
    file = descriptor_pb2.FileDescriptorProto(name="wire.proto", package="wire", syntax="proto3")
    for name, fields in SCHEMA.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields, start=1):
            is_items = kind == FIELD.TYPE_MESSAGE
            label = FIELD.LABEL_REPEATED if is_items else FIELD.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, type=kind, label=label)
            if is_items:
                added.type_name = ".wire.Item"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"wire.{name}")) for name in SCHEMA}


def order(items):
    return dict(
        order_id=123456789,
        user_id=4242,
        currency="EUR",
        total_cents=3998 * items,
        items=[dict(sku=f"SKU-{at + 1:06}", quantity=2, unit_price_cents=1999) for at in range(items)],
        created_at=1700000000,
    )


LONG = "".join(f"Text is text in either format, line {at + 1:02}. " for at in range(27))
EXAMPLES = {
    "three-items": ("Order", order(3)),
    "hundred-items": ("Order", order(100)),
    "long-text": ("Comment", dict(id=1, text=LONG)),
}


def deflated(data):
    raw = zlib.compressobj(6, zlib.DEFLATED, -15)
    return len(raw.compress(data) + raw.flush())


def main():
    here = pathlib.Path(__file__).parent
    made = classes()
    for name, (kind, fields) in EXAMPLES.items():
        binary = made[kind](**fields).SerializeToString()
        text = json.dumps(fields, separators=(",", ":"))
        (here / f"{name}.hex").write_text("\n".join(textwrap.wrap(binary.hex(), 96)) + "\n")
        (here / f"{name}.json").write_text(text + "\n")
        print(f"{name}: {len(binary)} and {len(text)} bytes, deflated {deflated(binary)} and {deflated(text.encode())}")


main()
