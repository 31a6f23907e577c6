SELECT version, name, checksum, compatible_from FROM schema_migrations ORDER BY version
