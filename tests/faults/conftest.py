"""Says at the end of a run how many malformed inputs were refused."""

MALFORMED = "test_a_malformed_input_is_refused"


def pytest_terminal_summary(terminalreporter):
    reports = terminalreporter.stats.get("passed", [])
    refused = {report.nodeid for report in reports if MALFORMED in report.nodeid}
    if refused:
        terminalreporter.write_line(f"{len(refused)} malformed inputs refused")
