"""Answers, scores, audits and runs for people: on a terminal, as self-contained HTML pages, and as pictures.

Importing it loads neither torch nor matplotlib. The building blocks of the pages are in `anzan.report.page`.
"""

from anzan.report.calculation import Clause as Clause
from anzan.report.calculation import clauses as clauses
from anzan.report.explanation_page import answers_table as answers_table
from anzan.report.explanation_page import pairs_tables as pairs_tables
from anzan.report.explanation_page import write_explanation as write_explanation
from anzan.report.heat import heat_map as heat_map
from anzan.report.heat import write_html as write_html
from anzan.report.heat import write_png as write_png
from anzan.report.rendering import answer_view as answer_view
from anzan.report.rendering import audit_line as audit_line
from anzan.report.rendering import audit_view as audit_view
from anzan.report.rendering import figure as figure
from anzan.report.rendering import scores_table as scores_table
from anzan.report.run_report import write_report as write_report
