"""What members spend because they are members: designs, estimators, diagnostics and a simulator. Pure numerics."""
