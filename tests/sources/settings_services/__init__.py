"""Stand-ins for the services that hold settings, at the wire, as strict as their discovery documents."""
