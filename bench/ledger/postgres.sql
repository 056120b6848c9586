-- The same ledger in PostgreSQL: balances, entries and lines; an account does not go below what it may.
CREATE TABLE accounts (number integer PRIMARY KEY, unit text NOT NULL, balance numeric(38) NOT NULL, least numeric(38) NOT NULL)
  WITH (fillfactor = 50);
CREATE TABLE entries (id uuid PRIMARY KEY, at timestamptz NOT NULL);
CREATE TABLE lines (id uuid NOT NULL, account integer NOT NULL, amount numeric(38) NOT NULL, balance numeric(38) NOT NULL);
CREATE INDEX lines_of_accounts ON lines (account);
INSERT INTO accounts SELECT i, CASE WHEN i % 2 = 0 THEN 'CIYUAN' ELSE 'CNY' END, 0, -1000000000000 FROM generate_series(0, 9999) AS i;

-- One entry of four lines on four accounts. The accounts are taken in the order of their numbers, so that no two
-- transactions wait for each other.
CREATE FUNCTION post(entry uuid, a integer, b integer, c integer, d integer, amount numeric) RETURNS void LANGUAGE plpgsql AS $$
DECLARE one record; left_over numeric;
BEGIN
  INSERT INTO entries VALUES (entry, now());
  FOR one IN SELECT * FROM (VALUES (a, -amount), (b, amount), (c, -amount), (d, amount)) AS line (account, change) ORDER BY account LOOP
    UPDATE accounts SET balance = balance + one.change WHERE number = one.account AND balance + one.change >= least
      RETURNING balance INTO left_over;
    IF NOT FOUND THEN RAISE EXCEPTION 'account % would be overdrawn', one.account; END IF;
    INSERT INTO lines VALUES (entry, one.account, one.change, left_over);
  END LOOP;
END $$;

-- Many entries in one transaction and in few statements. The lines' balances are sums over the lines before them.
CREATE FUNCTION post_batch(entries_wanted integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  CREATE TEMP TABLE IF NOT EXISTS given (place integer, id uuid, account integer, change numeric) ON COMMIT DELETE ROWS;
  INSERT INTO given
    SELECT e * 4 + line, entry.id, (floor(random() * 5000)::integer * 2 + line / 2), CASE WHEN line % 2 = 0 THEN -amount ELSE amount END
    FROM (SELECT e, gen_random_uuid() AS id, 1 + floor(random() * 1000)::numeric AS amount FROM generate_series(1, entries_wanted) AS e) AS entry,
         generate_series(0, 3) AS line;
  INSERT INTO entries SELECT DISTINCT id, now() FROM given;
  INSERT INTO lines
    SELECT given.id, given.account, change, balance + sum(change) OVER (PARTITION BY given.account ORDER BY place)
    FROM given JOIN accounts ON number = given.account;
  UPDATE accounts SET balance = balance + sums.change
    FROM (SELECT account, sum(change) AS change FROM given GROUP BY account) AS sums WHERE number = sums.account AND balance + sums.change >= least;
END $$;
