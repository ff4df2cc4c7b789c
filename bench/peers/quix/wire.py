"""Records of the product's topics: Avro in single-object encoding, with fastavro (compiled). Never knows Kafka."""
import io
import json
from pathlib import Path

import fastavro

HEADER_BYTES = 10


def plain(schema):
    """The schema without logical types: integers stay integers, and no dates are made of them."""
    if isinstance(schema, list):
        return [plain(item) for item in schema]
    if isinstance(schema, dict):
        return {name: plain(part) for name, part in schema.items() if name != "logicalType"}
    return schema


def header(schema):
    """What a value begins with: the marker, and the fingerprint of its schema, least significant byte first."""
    canonical = fastavro.schema.to_parsing_canonical_form(schema)
    return b"\xc3\x01" + bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))


class Reader:
    def __init__(self, path: Path):
        text = json.loads(path.read_text())
        self.schema = fastavro.parse_schema(plain(text))
        self.header = header(text)

    def read(self, value: bytes) -> dict:
        if value[:HEADER_BYTES] != self.header:
            raise ValueError(f"a record begins with {value[:HEADER_BYTES].hex()}, not with {self.header.hex()}")
        return fastavro.schemaless_reader(io.BytesIO(value[HEADER_BYTES:]), self.schema)


class Writer:
    def __init__(self, path: Path):
        text = json.loads(path.read_text())
        self.schema = fastavro.parse_schema(plain(text))
        self.header = header(text)

    def write(self, record: dict) -> bytes:
        out = io.BytesIO()
        out.write(self.header)
        fastavro.schemaless_writer(out, self.schema, record)
        return out.getvalue()
