/** Keys that stand for people: one entry of the migrations, which never changes once it was released. */
export const KEYS_SCHEMA = `
  CREATE TABLE sallyport.sign_in_codes (
    code text COLLATE "C" PRIMARY KEY,
    key_id text COLLATE "C" NOT NULL,
    address text NOT NULL,
    issued_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    state text NOT NULL
  );
  CREATE INDEX sign_in_codes_by_key ON sallyport.sign_in_codes (key_id);
  CREATE INDEX sign_in_codes_by_expiry ON sallyport.sign_in_codes (expires_at);
  CREATE TABLE sallyport.session_bindings (
    key_id text COLLATE "C" PRIMARY KEY,
    session_id text COLLATE "C" NOT NULL REFERENCES sallyport.sessions (id) ON DELETE CASCADE,
    user_id text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    created_from text NOT NULL
  );
  CREATE INDEX session_bindings_by_session ON sallyport.session_bindings (session_id);
  CREATE INDEX session_bindings_by_user ON sallyport.session_bindings (user_id);
  CREATE TABLE sallyport.identity_bindings (
    key_id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL REFERENCES sallyport.users (id) ON DELETE CASCADE,
    created_at bigint NOT NULL,
    created_from text NOT NULL
  );
  CREATE INDEX identity_bindings_by_user ON sallyport.identity_bindings (user_id);
  CREATE TABLE sallyport.host_keys (
    server text COLLATE "C" PRIMARY KEY,
    host_key text NOT NULL
  );

  CREATE FUNCTION sallyport.open_sign_in_code(
    new_code text, new_key text, new_address text, new_issued_at bigint, new_expires_at bigint,
    most_of_address bigint, most_in_all bigint
  ) RETURNS SETOF sallyport.sign_in_codes LANGUAGE plpgsql AS $body$
  DECLARE
    in_all bigint;
    of_address bigint;
  BEGIN
    PERFORM sallyport.lock_changes();
    RETURN QUERY SELECT * FROM sallyport.sign_in_codes
      WHERE key_id = new_key AND state = 'pending' AND expires_at > new_issued_at;
    IF FOUND THEN RETURN; END IF;
    SELECT count(*), count(*) FILTER (WHERE address = new_address) INTO in_all, of_address
      FROM sallyport.sign_in_codes WHERE state = 'pending' AND expires_at > new_issued_at;
    IF of_address >= most_of_address OR in_all >= most_in_all THEN RETURN; END IF;
    RETURN QUERY INSERT INTO sallyport.sign_in_codes (code, key_id, address, issued_at, expires_at, state)
      VALUES (new_code, new_key, new_address, new_issued_at, new_expires_at, 'pending') RETURNING *;
  END $body$;

  CREATE FUNCTION sallyport.decide_sign_in_code(
    decided_code text, decided_at bigint, new_session text, new_user text, new_expires_at bigint,
    is_remembered boolean, noted_at bigint, OUT outcome text, OUT seq bigint
  ) LANGUAGE plpgsql AS $body$
  DECLARE found_code sallyport.sign_in_codes;
  BEGIN
    PERFORM sallyport.lock_changes();
    SELECT * INTO found_code FROM sallyport.sign_in_codes
      WHERE code = decided_code AND expires_at > decided_at;
    IF NOT FOUND THEN outcome := 'unknown'; RETURN; END IF;
    IF found_code.state <> 'pending' THEN outcome := 'decided'; RETURN; END IF;
    IF new_session IS NOT NULL THEN
      IF EXISTS (SELECT 1 FROM sallyport.session_bindings
            WHERE key_id = found_code.key_id AND user_id <> new_user AND expires_at > decided_at)
          OR EXISTS (SELECT 1 FROM sallyport.identity_bindings
            WHERE key_id = found_code.key_id AND user_id <> new_user) THEN
        outcome := 'other-user';
        RETURN;
      END IF;
      DELETE FROM sallyport.session_bindings WHERE key_id = found_code.key_id;
      INSERT INTO sallyport.session_bindings (key_id, session_id, user_id, created_at, expires_at, created_from)
        VALUES (found_code.key_id, new_session, new_user, decided_at, new_expires_at, found_code.address);
      IF is_remembered THEN
        INSERT INTO sallyport.identity_bindings (key_id, user_id, created_at, created_from)
          VALUES (found_code.key_id, new_user, decided_at, found_code.address) ON CONFLICT DO NOTHING;
      END IF;
      PERFORM sallyport.note(ARRAY['key-binding'], ARRAY[found_code.key_id], noted_at);
    END IF;
    UPDATE sallyport.sign_in_codes
      SET state = CASE WHEN new_session IS NULL THEN 'denied' ELSE 'approved' END WHERE code = decided_code;
    outcome := 'done';
    seq := sallyport.note(ARRAY['sign-in-code'], ARRAY[decided_code], noted_at);
  END $body$;

  CREATE FUNCTION sallyport.remove_session_binding(removed_key text, of_user text, noted_at bigint) RETURNS bigint
  LANGUAGE plpgsql AS $body$
  BEGIN
    PERFORM sallyport.lock_changes();
    DELETE FROM sallyport.session_bindings WHERE key_id = removed_key AND user_id = of_user;
    IF NOT FOUND THEN RETURN NULL; END IF;
    RETURN sallyport.note(ARRAY['key-binding'], ARRAY[removed_key], noted_at);
  END $body$;

  CREATE FUNCTION sallyport.remove_identity_binding(removed_key text, of_user text, noted_at bigint) RETURNS bigint
  LANGUAGE plpgsql AS $body$
  BEGIN
    PERFORM sallyport.lock_changes();
    DELETE FROM sallyport.identity_bindings WHERE key_id = removed_key AND user_id = of_user;
    IF NOT FOUND THEN RETURN NULL; END IF;
    RETURN sallyport.note(ARRAY['key-binding'], ARRAY[removed_key], noted_at);
  END $body$;

  CREATE OR REPLACE FUNCTION sallyport.sweep(expired_at bigint, forget_changes_at bigint) RETURNS bigint
  LANGUAGE plpgsql AS $body$
  DECLARE forgotten bigint;
  BEGIN
    PERFORM sallyport.lock_changes();
    DELETE FROM sallyport.used_values WHERE expires_at <= expired_at;
    DELETE FROM sallyport.sign_in_codes WHERE expires_at <= expired_at;
    DELETE FROM sallyport.session_bindings WHERE expires_at <= expired_at;
    DELETE FROM sallyport.service_accounts WHERE expires_at <= expired_at;
    DELETE FROM sallyport.changes WHERE at <= forget_changes_at;
    DELETE FROM sallyport.sessions WHERE expires_at <= expired_at;
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    RETURN forgotten;
  END $body$;
  `;
