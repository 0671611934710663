"""
Count and score on a Spark cluster: python -m analytics.spark FACTS PLAN OUT [--master spark://...]

FACTS holds the Parquet files of `manage.py value_files`, PLAN is what `manage.py value --plan` wrote; OUT gets `statistics` and
`values`, as Parquet too.
"""

import argparse
import pickle
from pathlib import Path

from pyspark.sql import SparkSession

from analytics.spark.job import bring_code, read_facts, scored, statistics


def main() -> None:
    """Read the facts, count, score, write."""
    parser = argparse.ArgumentParser(prog="python -m analytics.spark", description=__doc__)
    parser.add_argument("facts", help="the folder with the facts, as every worker sees it")
    parser.add_argument(
        "plan", type=Path, help="a file that this installation wrote: it is code, so read no other one's"
    )
    parser.add_argument("out", help="the folder to write to, as every worker sees it")
    parser.add_argument("--master", default="local[*]", help="local[*] if left out")
    asked = parser.parse_args()
    cut, plan = pickle.loads(asked.plan.read_bytes())  # noqa: S301 - see the help
    session = SparkSession.builder.master(asked.master).appName("value").getOrCreate()
    try:
        bring_code(session)
        read_facts(session, asked.facts)
        found = statistics(session, cut).cache()
        found.write.mode("overwrite").parquet(f"{asked.out}/statistics")
        scored(found, plan, cut).write.mode("overwrite").parquet(f"{asked.out}/values")
        print(f"{found.count():,} customers, data until {cut}")  # noqa: T201 - a command says what it did
    finally:
        session.stop()


if __name__ == "__main__":
    main()
