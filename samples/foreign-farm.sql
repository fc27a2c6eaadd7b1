-- The inventory that a site already has: the farm of a physics institute, in the words of the people who made it.
-- 2,400 machines (400 hypervisors, each with two guests, and 1,200 worker nodes), with what such a database gathers in
-- its years: three ways to write a MAC, addresses as integers, local time, latin1, and rows that can't be right.
--
--   mariadb < samples/foreign-farm.sql      then samples/foreign-views.sql
--
-- Addresses are of RFC 2544's range, names of RFC 2606's; the rows are the same each time.

CREATE DATABASE rechenzentrum DEFAULT CHARACTER SET latin1 COLLATE latin1_german1_ci;
USE rechenzentrum;
SET NAMES utf8mb4;
SET SESSION sql_mode = '';

CREATE TABLE ziffern (z INT PRIMARY KEY);
INSERT INTO ziffern VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);

-- The site's networks. Network, gateway: integers. Changed: local time, written by the database.
CREATE TABLE subnetze (
  id INT AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(40) NOT NULL UNIQUE,
  netz INT UNSIGNED NOT NULL,
  praefix TINYINT UNSIGNED NOT NULL,
  gateway INT UNSIGNED,
  nameserver VARCHAR(100),
  domaene VARCHAR(100),
  vlan SMALLINT UNSIGNED
) ENGINE=InnoDB;

INSERT INTO subnetze (id, name, netz, praefix, gateway, nameserver, domaene, vlan)
SELECT n + 1, CONCAT('reihe', LPAD(z.n, 2, '0')), INET_ATON(CONCAT('198.18.', z.n, '.0')), 24,
  INET_ATON(CONCAT('198.18.', z.n, '.254')), '198.18.0.1, 198.18.0.2', 'farm.example.org', 100 + z.n
FROM (SELECT a.z * 10 + b.z AS n FROM ziffern a, ziffern b) z WHERE z.n < 12;

-- What a machine is installed as.
CREATE TABLE os_profile (
  id INT AUTO_INCREMENT PRIMARY KEY,
  kuerzel VARCHAR(20) NOT NULL UNIQUE,
  familie ENUM('Enterprise Linux', 'Fedora', 'Debian') NOT NULL,
  fassung VARCHAR(10) NOT NULL,
  bitbreite ENUM('32', '64') NOT NULL,
  vorlage VARCHAR(40) NOT NULL,
  kernel_satz VARCHAR(40) NOT NULL,
  ist_wirt ENUM('J', 'N') NOT NULL DEFAULT 'N'
) ENGINE=InnoDB;

INSERT INTO os_profile (kuerzel, familie, fassung, bitbreite, vorlage, kernel_satz, ist_wirt) VALUES
  ('wirt5', 'Enterprise Linux', '5', '64', 'el5.ks', 'el5', 'J'),
  ('gast4', 'Enterprise Linux', '4', '32', 'el4.ks', 'el4', 'N'),
  ('wn9', 'Enterprise Linux', '9.4', '64', 'el9.ks', 'el9', 'N');

-- The machines. Names are not unique in this table, because retired machines keep theirs.
CREATE TABLE rechner (
  id INT AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(80),
  os_id INT,
  zustand ENUM('in Betrieb', 'Reserve', 'ausgemustert') NOT NULL DEFAULT 'in Betrieb',
  schrank VARCHAR(10),
  kerne TINYINT UNSIGNED,
  ram_gb DECIMAL(6, 2),
  platte VARCHAR(40),
  bemerkung VARCHAR(200),
  geaendert TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  KEY (name),
  KEY (geaendert)
) ENGINE=InnoDB;

-- Their interfaces. Nobody thought of a date here.
CREATE TABLE netzkarten (
  rechner_id INT NOT NULL,
  geraet VARCHAR(10) NOT NULL DEFAULT 'eth0',
  mac VARCHAR(20),
  ip INT UNSIGNED NOT NULL DEFAULT 0,
  subnetz_id INT,
  bruecke VARCHAR(20),
  netzboot ENUM('ja', 'nein') NOT NULL DEFAULT 'ja',
  PRIMARY KEY (rechner_id, geraet)
) ENGINE=InnoDB;

-- 400 hypervisors (wn0001 …), 800 guests (gast0001 …), 1,200 worker nodes (wn1001 …).
INSERT INTO rechner (id, name, os_id, schrank, kerne, ram_gb, platte, geaendert)
SELECT n + 1, CONCAT('wn', LPAD(n + 1, 4, '0')), 1, CONCAT('A', n DIV 40), 8, 16, 'sda', '2024-02-29 12:00:00'
FROM (SELECT a.z * 100 + b.z * 10 + c.z AS n FROM ziffern a, ziffern b, ziffern c) z WHERE n < 400 ORDER BY n;

INSERT INTO rechner (id, name, os_id, schrank, kerne, ram_gb, geaendert)
SELECT 401 + n, CONCAT('gast', LPAD(n + 1, 4, '0')), 2, CONCAT('A', n DIV 80), 2, 6.5, '2024-02-29 12:00:00'
FROM (SELECT a.z * 100 + b.z * 10 + c.z AS n FROM ziffern a, ziffern b, ziffern c) z WHERE n < 800 ORDER BY n;

INSERT INTO rechner (id, name, os_id, schrank, kerne, ram_gb, platte, geaendert)
SELECT 1201 + n, CONCAT('wn', 1001 + n), 3, CONCAT('B', n DIV 40), 64, 256, 'nvme0n1', '2024-02-29 12:00:00'
FROM (SELECT a.z * 1000 + b.z * 100 + c.z * 10 + d.z AS n FROM ziffern a, ziffern b, ziffern c, ziffern d) z
WHERE n < 1200 ORDER BY n;

-- MACs as each generation wrote them: colons, dashes and capitals, nothing between; guests have none.
INSERT INTO netzkarten (rechner_id, geraet, mac, ip, subnetz_id, bruecke)
SELECT id, 'eth0',
  CASE
    WHEN id BETWEEN 401 AND 1200 THEN NULL
    WHEN id % 3 = 0 THEN CONCAT('02:00:00:00:', LPAD(LOWER(HEX(id DIV 256)), 2, '0'), ':', LPAD(LOWER(HEX(id % 256)), 2, '0'))
    WHEN id % 3 = 1 THEN CONCAT('02-00-00-00-', LPAD(HEX(id DIV 256), 2, '0'), '-', LPAD(HEX(id % 256), 2, '0'))
    ELSE CONCAT('02000000', LPAD(LOWER(HEX(id)), 4, '0'))
  END,
  INET_ATON(CONCAT('198.18.', (id - 1) DIV 200, '.', (id - 1) % 200 + 10)), (id - 1) DIV 200 + 1,
  CASE WHEN id <= 400 THEN 'xenbr0' END
FROM rechner;

-- The first step: two columns more, the hypervisor of a guest and its devices there.
ALTER TABLE rechner
  ADD COLUMN dom0 VARCHAR(80) AFTER name,
  ADD COLUMN vdisk VARCHAR(255) AFTER dom0;

UPDATE rechner SET
  dom0 = CONCAT('wn', LPAD((id - 401) DIV 2 + 1, 4, '0')),
  vdisk = CONCAT('/dev/sda', 5 + (id - 401) % 2),
  geaendert = geaendert
WHERE id BETWEEN 401 AND 1200;

-- A guest's bridge is that of its hypervisor on the same network; here every bridge has the same name.
UPDATE netzkarten SET bruecke = 'xenbr0' WHERE rechner_id BETWEEN 401 AND 1200;

-- What gathers in the years, and does no harm: spaces, capitals, umlauts, the retired.
UPDATE rechner SET name = 'WN1007', geaendert = geaendert WHERE name = 'wn1007';
UPDATE rechner SET name = 'wn1008   ', geaendert = geaendert WHERE name = 'wn1008';
UPDATE rechner SET bemerkung = 'Lüfter getauscht, Gehäuse größer als üblich', geaendert = geaendert WHERE name = 'wn1009';
INSERT INTO rechner (id, name, os_id, zustand, geaendert) VALUES
  (5000, 'wn1010', 3, 'ausgemustert', '2019-01-01 00:00:00');

-- And what can't be right.
UPDATE netzkarten SET mac = '02:00:00:00:04:c5' WHERE rechner_id = 1222; -- wn1022 and wn1021 have one MAC
UPDATE netzkarten SET ip = INET_ATON('198.18.200.10') WHERE rechner_id = 1223; -- wn1023 is outside its network
UPDATE netzkarten SET mac = 'unbekannt' WHERE rechner_id = 1224; -- wn1024
UPDATE netzkarten SET subnetz_id = NULL WHERE rechner_id = 1225; -- wn1025 has an address and no network
UPDATE rechner SET os_id = NULL, geaendert = geaendert WHERE id = 1226; -- wn1026 is nothing
UPDATE rechner SET ram_gb = 0, geaendert = geaendert WHERE id = 401; -- gast0001 has no memory
UPDATE rechner SET dom0 = 'gast0003', geaendert = geaendert WHERE id = 404; -- gast0004 is a guest of a guest
UPDATE rechner SET vdisk = '/dev/sda', geaendert = geaendert WHERE id = 405; -- gast0005 takes what is also wn0003's own
UPDATE rechner SET dom0 = 'wn0999', geaendert = geaendert WHERE id = 407; -- gast0007's hypervisor does not exist
UPDATE rechner SET vdisk = '/dev/sda5', geaendert = geaendert WHERE id = 410; -- gast0010 writes where gast0009 does
UPDATE rechner SET name = 'wn1028', geaendert = geaendert WHERE id = 1227; -- wn1027 became a second wn1028
INSERT INTO rechner (id, name, os_id, geaendert) VALUES
  (5001, NULL, 3, '2024-02-29 12:00:00'),
  (5002, '', 3, '2024-02-29 12:00:00'),
  (5003, CONCAT('eine Notiz, die in die falsche Spalte geraten ist: ', 'bitte loeschen'), 3, '2024-02-29 12:00:00');
