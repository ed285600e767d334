"""Writes the expected translation of each template here, by the translator itself.

    pip install cfn-lint==1.51.0 aws-sam-translator==1.110.0
    python record.py
"""

import json
import pathlib

from cfnlint.decode import decode
from cfnlint.template.transforms._sam import Transform

here = pathlib.Path(__file__).parent
for path in sorted([*here.glob("*.yaml"), *here.glob("*.json")]):
    if path.name.endswith(".expected.json"):
        continue
    template, _ = decode(str(path))
    transform = Transform(str(path), template, "us-east-1")
    matches = transform.transform_template()
    if matches:
        raise SystemExit(f"{path.name}: {[m.message for m in matches]}")
    text = json.dumps(transform.template(), indent=1, sort_keys=True) + "\n"
    path.with_suffix(".expected.json").write_text(text)
