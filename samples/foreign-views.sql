-- Views over samples/foreign-farm.sql with Bootstead's column names, in a schema of their own, and the two users.
-- A view gives the columns that the site has; those it leaves out stay Bootstead's own: here `cpus` (pinning),
-- `serial_console` and `params` of machines, and the tables images and site.

CREATE DATABASE bootstead_views DEFAULT CHARACTER SET utf8mb4;
USE bootstead_views;

CREATE VIEW networks AS
SELECT name, CONCAT(INET_NTOA(netz), '/', praefix) AS cidr, INET_NTOA(gateway) AS gateway, nameserver AS dns,
  domaene AS domain, vlan
FROM rechenzentrum.subnetze;

CREATE VIEW profiles AS
SELECT kuerzel AS name,
  CASE familie WHEN 'Enterprise Linux' THEN 'el' WHEN 'Fedora' THEN 'fedora' WHEN 'Debian' THEN 'debian' END AS family,
  fassung AS version,
  CASE bitbreite WHEN '32' THEN 'i386' ELSE 'x86_64' END AS arch,
  vorlage AS template, kernel_satz AS image,
  CASE ist_wirt WHEN 'J' THEN 'xen' ELSE 'none' END AS hypervisor
FROM rechenzentrum.os_profile;

CREATE VIEW machines AS
SELECT r.name AS hostname, p.kuerzel AS profile, r.dom0, r.vdisk, r.kerne AS vcpus,
  ROUND(r.ram_gb * 1024) AS memory_mib, r.platte AS disk, r.bemerkung AS notes, r.geaendert AS updated_at
FROM rechenzentrum.rechner r LEFT JOIN rechenzentrum.os_profile p ON p.id = r.os_id
WHERE r.zustand <> 'ausgemustert';

CREATE VIEW interfaces AS
SELECT r.name AS machine, k.geraet AS name, k.mac, INET_NTOA(NULLIF(k.ip, 0)) AS ip, s.name AS network,
  k.bruecke AS bridge, IF(k.netzboot = 'ja', 1, 0) AS boot
FROM rechenzentrum.netzkarten k
  JOIN rechenzentrum.rechner r ON r.id = k.rechner_id
  LEFT JOIN rechenzentrum.subnetze s ON s.id = k.subnetz_id
WHERE r.zustand <> 'ausgemustert';

-- Reads the views, and can do nothing else. Choose a password; the host is Bootstead's.
CREATE USER 'bootstead_reader'@'127.0.0.1' IDENTIFIED BY 'CHANGE-THIS-READER';
GRANT SELECT ON bootstead_views.* TO 'bootstead_reader'@'127.0.0.1';

-- Bootstead's own schema: its copy, history, tokens and events.
CREATE DATABASE bootstead DEFAULT CHARACTER SET utf8mb4;
CREATE USER 'bootstead'@'127.0.0.1' IDENTIFIED BY 'CHANGE-THIS-OWN';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP, TRIGGER, REFERENCES ON bootstead.*
  TO 'bootstead'@'127.0.0.1';
