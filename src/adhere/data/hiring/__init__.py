"""Applications and what is to be said of them: a job description, a CV, and a judgement in prose.

`drawing` draws what is true, `facts` holds it, `papers` writes the application, `review` the judgement, and
`source` makes examples of them.
"""

from adhere.data.hiring.source import Hiring as Hiring
