# Tried for minutes, and without it the install stops: one that nobody heard of would be repeated at the next boot.
report_installed() {
    attempt=0
    until post_form "stage=installed&detail=$(form_value "$1")"; do
        attempt=$((attempt + 1))
        if [ "$attempt" -ge 30 ]; then
            fail "installed, but $bootstead_events did not take the report in 5 minutes: set the machine's boot to local by hand"
        fi
        sleep 10
    done
    say "installed"
}
