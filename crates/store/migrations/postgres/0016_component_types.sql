-- A name and version may be those of several components, one of each type.
ALTER TABLE component DROP CONSTRAINT component_tenant_id_name_version_key;
ALTER TABLE component ADD UNIQUE (tenant_id, name, version, type);
