"""
Statistics and scoring on a Spark cluster, for who has outgrown one PostgreSQL: the same numbers from the same facts as files.

`files` writes facts down as Parquet, `job` counts and scores them and needs neither Django nor the database. See
docs/how-to/score-on-spark.md.
"""
