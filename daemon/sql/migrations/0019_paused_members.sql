-- compatible-from: 18
-- A strategy that an operator paused after its run was claimed is left out of it: a member that was not asked.
ALTER TABLE run_members DROP CONSTRAINT run_members_status_check,
    ADD CONSTRAINT run_members_status_check CHECK (status IN ('ok', 'failed', 'late', 'paused'));
