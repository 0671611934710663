"""The database and the broker that start by themselves when no URL names another one."""
