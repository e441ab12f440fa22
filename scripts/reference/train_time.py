"""Time Hugging Face's BPE trainer on the text that `pnpm bench --tokenizer-training --text FILE` writes.

    RAYON_NUM_THREADS=1 python scripts/reference/train_time.py FILE [VOCAB_SIZE]

FILE has a JSON string a line. Byte-level BPE with the full byte alphabet and GPT-2's pattern, 6,400 tokens by default, one
thread unless RAYON_NUM_THREADS says otherwise. Prints a line of JSON: seconds, MB/s, the largest resident set of the process,
and a digest of the merges, which is the bench's where both learnt the same. Needs tokenizers 0.23.2.
"""

import hashlib
import json
import os
import resource
import sys
import time

os.environ.setdefault("RAYON_NUM_THREADS", "1")

import tokenizers  # noqa: E402  (reads the variable)
from tokenizers import Tokenizer, models, pre_tokenizers, trainers  # noqa: E402


def main(path: str, vocab_size: int) -> None:
    counts = {"texts": 0, "bytes": 0}

    def texts():
        with open(path, "rb") as lines:
            for line in lines:
                text = json.loads(line)
                counts["texts"] += 1
                counts["bytes"] += len(text.encode())
                yield text

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    start = time.perf_counter()
    tokenizer.train_from_iterator(texts(), trainer)
    seconds = time.perf_counter() - start
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    spelled = "".join(f"{left} {right}\n" for left, right in merges)
    report = {
        "tokenizers": tokenizers.__version__,
        "threads": int(os.environ["RAYON_NUM_THREADS"]),
        "vocabSize": tokenizer.get_vocab_size(),
        **counts,
        "seconds": round(seconds, 2),
        "megabytesPerSecond": round(counts["bytes"] / 1e6 / seconds, 3),
        "peakResidentBytes": resident,
        "merges": hashlib.sha256(spelled.encode()).hexdigest()[:16],
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 6400)
