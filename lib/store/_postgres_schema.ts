import { KEYS_SCHEMA } from "./_postgres_keys_schema.ts";

/** What a listener is told on; the payload is empty. */
export const CHANNEL = "sallyport_changes";

/** SQLSTATE with which {@link MIGRATE} refuses a database that a newer release has migrated. */
export const NEWER_SCHEMA = "SP001";

/** SQLSTATE with which {@link MIGRATE} refuses a server that is older than PostgreSQL 15. */
export const OLD_SERVER = "SP002";

/** Any number that no other program takes an advisory lock on ("Slyp"). */
const MIGRATION_LOCK = 0x536c7970;

/**
 * One entry per version, applied in order; an entry that was released never changes.
 *
 * Whatever changes something is a function: one round trip and one transaction, which begins by locking the one row of
 * `change_counter`. So these transactions come one after the other, cannot deadlock, and the numbers of the changes have
 * no gaps and follow the order of the commits.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE sallyport.users (
    id text COLLATE "C" PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    email text NOT NULL,
    display_name text NOT NULL,
    group_names text NOT NULL,
    password_hash text NOT NULL,
    created_at bigint NOT NULL
  );
  CREATE TABLE sallyport.sessions (
    id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL REFERENCES sallyport.users (id) ON DELETE CASCADE,
    provider_id text NOT NULL,
    claims text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    last_used_at bigint NOT NULL,
    created_from text,
    user_agent text,
    provider_grant text,
    ordinal bigint GENERATED ALWAYS AS IDENTITY
  );
  CREATE INDEX sessions_by_user ON sallyport.sessions (user_id);
  CREATE INDEX sessions_by_expiry ON sallyport.sessions (expires_at);
  CREATE TABLE sallyport.service_accounts (
    id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" REFERENCES sallyport.users (id) ON DELETE CASCADE,
    email text,
    secret_hash text NOT NULL,
    description text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    ordinal bigint GENERATED ALWAYS AS IDENTITY
  );
  CREATE INDEX service_accounts_by_user ON sallyport.service_accounts (user_id);
  CREATE INDEX service_accounts_by_expiry ON sallyport.service_accounts (expires_at);
  CREATE TABLE sallyport.used_values (
    value text COLLATE "C" PRIMARY KEY,
    expires_at bigint NOT NULL
  );
  CREATE INDEX used_values_by_expiry ON sallyport.used_values (expires_at);
  CREATE TABLE sallyport.changes (
    seq bigint PRIMARY KEY,
    kind text NOT NULL,
    subject text NOT NULL,
    at bigint NOT NULL
  );
  CREATE INDEX changes_by_time ON sallyport.changes (at);
  CREATE TABLE sallyport.change_counter (
    is_single boolean PRIMARY KEY DEFAULT true CHECK (is_single),
    last bigint NOT NULL
  );
  INSERT INTO sallyport.change_counter (last) VALUES (0);

  CREATE FUNCTION sallyport.lock_changes() RETURNS void LANGUAGE sql AS
    'SELECT 1 FROM sallyport.change_counter FOR UPDATE';

  CREATE FUNCTION sallyport.note(kinds text[], subjects text[], noted_at bigint) RETURNS bigint
  LANGUAGE plpgsql AS $body$
  DECLARE newest bigint;
  BEGIN
    UPDATE sallyport.change_counter SET last = last + cardinality(subjects) RETURNING last INTO newest;
    INSERT INTO sallyport.changes (seq, kind, subject, at)
      SELECT newest - cardinality(subjects) + n, kind, subject, noted_at
      FROM unnest(kinds, subjects) WITH ORDINALITY AS noted (kind, subject, n);
    PERFORM pg_notify('${CHANNEL}', '');
    RETURN newest;
  END $body$;

  CREATE FUNCTION sallyport.note_user_and_sessions(user_id text, sessions text[], noted_at bigint) RETURNS bigint
  LANGUAGE sql AS $body$
    SELECT sallyport.note(
      ARRAY['user'] || array_fill('session'::text, ARRAY[cardinality(sessions)]), user_id || sessions, noted_at);
  $body$;

  CREATE FUNCTION sallyport.end_sessions_of(ended_user text) RETURNS text[] LANGUAGE sql AS $body$
    WITH ended AS (DELETE FROM sallyport.sessions WHERE user_id = ended_user RETURNING id, ordinal)
    SELECT coalesce(array_agg(id::text ORDER BY ordinal), '{}') FROM ended;
  $body$;

  CREATE FUNCTION sallyport.end_service_accounts_of(ended_user text, noted_at bigint) RETURNS void
  LANGUAGE plpgsql AS $body$
  DECLARE ended text[];
  BEGIN
    WITH gone AS (DELETE FROM sallyport.service_accounts WHERE user_id = ended_user RETURNING id)
      SELECT coalesce(array_agg(id::text), '{}') INTO ended FROM gone;
    IF cardinality(ended) = 0 THEN RETURN; END IF;
    PERFORM sallyport.note(array_fill('service-account'::text, ARRAY[cardinality(ended)]), ended, noted_at);
  END $body$;

  CREATE FUNCTION sallyport.add_user(
    new_id text, new_name text, new_email text, new_display_name text, new_groups text, new_hash text,
    new_created_at bigint, noted_at bigint
  ) RETURNS bigint LANGUAGE plpgsql AS $body$
  BEGIN
    PERFORM sallyport.lock_changes();
    INSERT INTO sallyport.users (id, name, email, display_name, group_names, password_hash, created_at)
      VALUES (new_id, new_name, new_email, new_display_name, new_groups, new_hash, new_created_at);
    RETURN sallyport.note(ARRAY['user'], ARRAY[new_id], noted_at);
  END $body$;

  CREATE FUNCTION sallyport.save_provider_user(
    new_id text, new_name text, new_email text, new_display_name text, new_groups text, new_created_at bigint,
    noted_at bigint
  ) RETURNS bigint LANGUAGE plpgsql AS $body$
  DECLARE
    known sallyport.users;
    touched text[];
  BEGIN
    PERFORM sallyport.lock_changes();
    SELECT * INTO known FROM sallyport.users WHERE id = new_id;
    IF known.password_hash <> '' THEN
      RAISE unique_violation;
    ELSIF known.id IS NULL THEN
      INSERT INTO sallyport.users (id, name, email, display_name, group_names, password_hash, created_at)
        VALUES (new_id, new_name, new_email, new_display_name, new_groups, '', new_created_at);
    ELSIF (known.email, known.display_name, known.group_names) = (new_email, new_display_name, new_groups) THEN
      RETURN NULL;
    ELSE
      UPDATE sallyport.users SET email = new_email, display_name = new_display_name, group_names = new_groups
        WHERE id = new_id;
    END IF;
    SELECT coalesce(array_agg(id::text ORDER BY ordinal), '{}') INTO touched
      FROM sallyport.sessions WHERE user_id = new_id;
    RETURN sallyport.note_user_and_sessions(new_id, touched, noted_at);
  END $body$;

  CREATE FUNCTION sallyport.set_password(changed_id text, new_hash text, noted_at bigint) RETURNS bigint
  LANGUAGE plpgsql AS $body$
  BEGIN
    PERFORM sallyport.lock_changes();
    UPDATE sallyport.users SET password_hash = new_hash WHERE id = changed_id AND password_hash <> '';
    IF NOT FOUND THEN RETURN NULL; END IF;
    RETURN sallyport.note_user_and_sessions(changed_id, sallyport.end_sessions_of(changed_id), noted_at);
  END $body$;

  CREATE FUNCTION sallyport.remove_user(removed_id text, noted_at bigint) RETURNS bigint
  LANGUAGE plpgsql AS $body$
  DECLARE ended text[];
  BEGIN
    PERFORM sallyport.lock_changes();
    ended := sallyport.end_sessions_of(removed_id);
    PERFORM sallyport.end_service_accounts_of(removed_id, noted_at);
    DELETE FROM sallyport.users WHERE id = removed_id;
    IF NOT FOUND THEN RETURN NULL; END IF;
    RETURN sallyport.note_user_and_sessions(removed_id, ended, noted_at);
  END $body$;

  CREATE FUNCTION sallyport.add_session(
    new_id text, new_user text, new_provider text, new_claims text, new_created_at bigint, new_expires_at bigint,
    new_created_from text, new_user_agent text, new_grant text, noted_at bigint
  ) RETURNS bigint LANGUAGE plpgsql AS $body$
  BEGIN
    PERFORM sallyport.lock_changes();
    INSERT INTO sallyport.sessions
        (id, user_id, provider_id, claims, created_at, expires_at, last_used_at, created_from, user_agent,
          provider_grant)
      VALUES (new_id, new_user, new_provider, new_claims, new_created_at, new_expires_at, new_created_at,
        new_created_from, new_user_agent, new_grant);
    RETURN sallyport.note(ARRAY['session'], ARRAY[new_id], noted_at);
  END $body$;

  CREATE FUNCTION sallyport.update_session(
    changed_id text, new_claims text, new_grant text, is_noted boolean, noted_at bigint
  ) RETURNS bigint LANGUAGE plpgsql AS $body$
  BEGIN
    PERFORM sallyport.lock_changes();
    UPDATE sallyport.sessions SET claims = new_claims, provider_grant = new_grant WHERE id = changed_id;
    IF NOT FOUND THEN RETURN NULL; END IF;
    IF NOT is_noted THEN RETURN 0; END IF;
    RETURN sallyport.note(ARRAY['session'], ARRAY[changed_id], noted_at);
  END $body$;

  CREATE FUNCTION sallyport.remove_session(removed_id text, noted_at bigint) RETURNS bigint
  LANGUAGE plpgsql AS $body$
  BEGIN
    PERFORM sallyport.lock_changes();
    DELETE FROM sallyport.sessions WHERE id = removed_id;
    IF NOT FOUND THEN RETURN NULL; END IF;
    RETURN sallyport.note(ARRAY['session'], ARRAY[removed_id], noted_at);
  END $body$;

  CREATE FUNCTION sallyport.add_service_account(
    new_id text, new_user text, new_email text, new_hash text, new_description text, new_created_at bigint,
    new_expires_at bigint, noted_at bigint
  ) RETURNS bigint LANGUAGE plpgsql AS $body$
  BEGIN
    PERFORM sallyport.lock_changes();
    INSERT INTO sallyport.service_accounts
        (id, user_id, email, secret_hash, description, created_at, expires_at)
      VALUES (new_id, new_user, new_email, new_hash, new_description, new_created_at, new_expires_at);
    RETURN sallyport.note(ARRAY['service-account'], ARRAY[new_id], noted_at);
  END $body$;

  CREATE FUNCTION sallyport.remove_service_account(removed_id text, noted_at bigint) RETURNS bigint
  LANGUAGE plpgsql AS $body$
  BEGIN
    PERFORM sallyport.lock_changes();
    DELETE FROM sallyport.service_accounts WHERE id = removed_id;
    IF NOT FOUND THEN RETURN NULL; END IF;
    RETURN sallyport.note(ARRAY['service-account'], ARRAY[removed_id], noted_at);
  END $body$;

  CREATE FUNCTION sallyport.sweep(expired_at bigint, forget_changes_at bigint) RETURNS bigint
  LANGUAGE plpgsql AS $body$
  DECLARE forgotten bigint;
  BEGIN
    PERFORM sallyport.lock_changes();
    DELETE FROM sallyport.used_values WHERE expires_at <= expired_at;
    DELETE FROM sallyport.service_accounts WHERE expires_at <= expired_at;
    DELETE FROM sallyport.changes WHERE at <= forget_changes_at;
    DELETE FROM sallyport.sessions WHERE expires_at <= expired_at;
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    RETURN forgotten;
  END $body$;
  `,
  KEYS_SCHEMA,
];

/**
 * Brings the database to the newest version: several statements for one message of the simple query protocol, and so
 * one transaction (https://www.postgresql.org/docs/current/protocol-flow.html, section 55.2.2.1). However many do it at
 * the same time, one does it and the others find nothing left to do.
 */
export const MIGRATE = `
  SELECT pg_advisory_xact_lock(${MIGRATION_LOCK});
  DO $migrate$ BEGIN
    IF current_setting('server_version_num')::int < 150000 THEN
      RAISE EXCEPTION 'the server is older than PostgreSQL 15' USING ERRCODE = '${OLD_SERVER}';
    END IF;
    IF to_regclass('sallyport.schema_version') IS NULL THEN
      IF to_regnamespace('sallyport') IS NULL THEN CREATE SCHEMA sallyport; END IF;
      CREATE TABLE sallyport.schema_version (version int NOT NULL);
      INSERT INTO sallyport.schema_version VALUES (0);
    END IF;
    IF (SELECT version FROM sallyport.schema_version) > ${MIGRATIONS.length} THEN
      RAISE EXCEPTION 'the schema is of a newer release' USING ERRCODE = '${NEWER_SCHEMA}';
    END IF;
  END $migrate$;
  ${MIGRATIONS.map(migration).join("")}`;

function migration(sql: string, index: number): string {
  return `
  DO $migrate$ BEGIN
    IF (SELECT version FROM sallyport.schema_version) = ${index} THEN
      ${sql}
      UPDATE sallyport.schema_version SET version = ${index + 1};
    END IF;
  END $migrate$;`;
}
