{#- What the kickstart grammar of EL 4 to 6 can't say. -#}
{% if install.repositories.length %}

{% include "snippets/post-repositories.sh" %}
{% endif %}
{% if (params.ssh_keys | default([])).length %}

{% include "snippets/post-ssh-keys.sh" %}
{% endif %}
{% if ntp.length %}

{% include "snippets/post-ntp.sh" %}
{% endif %}
{% if machine.consoles.length %}

{% include "snippets/post-serial.sh" %}
{% endif %}

{% include "snippets/post-bridge.sh" %}
{% if dom0 and dom0.hypervisor == "xen" %}

{% include "snippets/post-hypervisor-grub.sh" %}
{% elif dom0 %}

{% include "snippets/post-hypervisor-kvm.sh" %}
{% endif %}
