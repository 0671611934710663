"""Who may do what, page by page and endpoint by endpoint. What is not in here fails the tests: add it, and think."""

# O owner, M program manager, S support agent, A analyst, U auditor. Superusers may do everything, strangers nothing.
# A page of the admin: who may read it (GET); with POST, who may send it.
READ = {
    "access_staffrole": "OU", "activity_nightrun": "OMAU", "analytics_customervalue": "OU", "analytics_valuerun": "OMAU",
    "api_retailerkey": "OU", "auth_group": "", "auth_user": "", "customers_customer": "OSU", "customers_importjob": "OU",
    "customers_interaction": "OSAU", "customers_order": "OSAU", "customers_retailer": "OU", "customers_return": "OSAU",
    "memberships_membership": "OSU", "outbox_delivery": "OU", "outbox_endpoint": "OU", "planning_simulation": "OMAU",
    "points_entry": "OSU", "programs_program": "OMSAU", "programs_programversion": "OMSAU", "programs_versionevent": "OMU",
}  # fmt: skip
ADD = {
    "access_staffrole": "O", "api_retailerkey": "O", "customers_importjob": "O", "outbox_endpoint": "O",
    "programs_program": "OM",
}  # fmt: skip
CHANGE = {name: who for name, who in ADD.items() if name != "customers_importjob"} | {
    "customers_customer": "OS",
    "customers_retailer": "O",
    "programs_programversion": "OM",
}  # an upload stays what it was
DELETE = {"access_staffrole": "O", "programs_programversion": "OM"}
# Pages of their own: name, method, who.
PAGES = {
    ("index", "GET"): "OMSAU",
    ("programs_programversion_page", "GET"): "OMSAU",
    ("programs_programversion_ladder", "GET"): "OM",
    ("programs_programversion_ladder", "POST"): "OM",
    ("programs_programversion_distribution", "GET"): "OMSAU",
    ("programs_programversion_plan", "GET"): "OMSAU",
    ("programs_programversion_publish_version", "POST"): "OM",
    ("programs_programversion_propose", "POST"): "OM",
    ("programs_programversion_withdraw", "POST"): "OM",
    ("programs_programversion_copy", "POST"): "OM",
    ("programs_programversion_document", "GET"): "OMSAU",
    ("programs_programversion_document", "POST"): "OM",
    ("programs_programversion_compare", "GET"): "OMSAU",
    ("programs_programversion_to_page", "GET"): "OMSAU",
    ("programs_program_new_draft", "GET"): "OM",
    ("programs_program_month_end", "GET"): "OMAU",
    ("programs_program_journal", "GET"): "OMAU",
    ("programs_program_to_month_end", "GET"): "OMAU",
    ("planning_simulation_ask", "GET"): "OMAU",
    ("planning_simulation_ask", "POST"): "OMA",
    ("planning_simulation_page", "GET"): "OMAU",
    ("planning_simulation_cancel", "POST"): "OMA",
    ("customers_importjob_start_import", "GET"): "O",
    ("customers_importjob_download_problems", "GET"): "OU",
    ("auth_user_password_change", "GET"): "",
}
# Of the site itself: no data of a retailer is on them.
OPEN = {
    "login", "logout", "password_change", "password_change_done", "autocomplete", "jsi18n", "view_on_site", "app_list",
    "search", "toggle_sidebar", "set_language",
}  # fmt: skip

# An endpoint of the API: the scope that a key needs, or "member" for a shopper's token.
API = {
    ("orders", "POST"): "activity:write",
    ("orders-batch", "POST"): "activity:write",
    ("returns", "POST"): "activity:write",
    ("returns-batch", "POST"): "activity:write",
    ("order-events", "POST"): "activity:write",
    ("order-events-batch", "POST"): "activity:write",
    ("interactions", "POST"): "activity:write",
    ("interactions-batch", "POST"): "activity:write",
    ("enrolments", "POST"): "activity:write",
    ("customers", "POST"): "activity:write",
    ("customer", "GET"): "members:read",
    ("consents", "GET"): "members:read",
    ("consents", "POST"): "activity:write",
    ("member", "GET"): "members:read",
    ("member-statement", "GET"): "members:read",
    ("member-balance", "GET"): "members:read",
    ("member-forecast", "GET"): "members:read",
    ("member-order", "GET"): "members:read",
    ("transfers", "POST"): "rewards:redeem",
    ("household", "GET"): "members:read",
    ("household", "PUT"): "activity:write",
    ("household", "DELETE"): "activity:write",
    ("redemptions", "POST"): "rewards:redeem",
    ("reversal", "POST"): "rewards:redeem",
    ("holds", "POST"): "rewards:redeem",
    ("adjustments", "POST"): "points:adjust",
    ("confirm", "POST"): "rewards:redeem",
    ("release", "POST"): "rewards:redeem",
    ("token", "POST"): "members:token",
    ("me", "GET"): "member",
    ("wallet", "GET"): "member",
    ("tier", "GET"): "member",
    ("statement", "GET"): "member",
    ("forecast", "GET"): "member",
    ("my-order", "GET"): "member",
    ("reconciliation", "GET"): "ledger:read",
    ("month-end", "GET"): "ledger:read",
    ("journal", "GET"): "ledger:read",
    ("programs", "GET"): "program:read",
    ("programs", "POST"): "program:write",
    ("program-schema", "GET"): "program:read",
    ("program", "GET"): "program:read",
    ("program-events", "GET"): "program:read",
    ("program-matches", "POST"): "program:read",
    ("versions", "POST"): "program:write",
    ("version", "GET"): "program:read",
    ("version", "PUT"): "program:write",
    ("version", "DELETE"): "program:write",
    ("version-check", "GET"): "program:read",
    ("version-plan", "GET"): "program:read",
    ("version-compare", "GET"): "program:read",
    ("version-propose", "POST"): "program:write",
    ("version-publish", "POST"): "program:publish",
    ("version-withdraw", "POST"): "program:publish",
    ("simulations", "GET"): "program:read",
    ("simulations", "POST"): "program:simulate",
    ("simulation", "GET"): "program:read",
    ("simulation", "DELETE"): "program:simulate",
}
# What somebody who is signed in to the admin may do by API, by the scope.
SESSION = {"program:read": "OMSAU", "program:write": "OM", "program:publish": "OM", "program:simulate": "OMA"}
