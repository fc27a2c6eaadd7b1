# The installed system's package repositories, as the inventory has them.
mkdir -p /etc/yum.repos.d
{% for repository in install.repositories %}
printf '%s\n' {{ ("[" ~ repository.name ~ "]") | shell }} {{ ("name=" ~ repository.name) | shell }} \
    {{ ("baseurl=" ~ repository.url) | shell }} enabled=1 gpgcheck={{ "1" if params.gpgcheck | default(true) else "0" }} \
    >{{ ("/etc/yum.repos.d/" ~ repository.name ~ ".repo") | shell }}
{% endfor %}
