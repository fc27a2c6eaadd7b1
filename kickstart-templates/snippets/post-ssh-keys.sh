# root's authorized keys, for releases whose kickstart has no sshkey command.
mkdir -p /root/.ssh
chmod 700 /root/.ssh
{% for key in params.ssh_keys | default([]) %}
printf '%s\n' {{ key | shell }} >>/root/.ssh/authorized_keys
{% endfor %}
chmod 600 /root/.ssh/authorized_keys
! command -v restorecon >/dev/null 2>&1 || restorecon -R /root/.ssh
