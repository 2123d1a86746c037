from adhere.data.document import Document, Draft


def test_a_draft_remembers_where_it_states_what() -> None:
    draft = Draft()
    draft.write("Paid by ")
    draft.state("/payer", "Ada")
    draft.write(" on ")
    draft.state("/date", "1 May")
    # `Paid by ` has 8 characters; `Ada` ends with the 11th, ` on ` with the 15th, and `1 May` with the 20th.
    assert draft.document(template="t", distractors=2) == Document(
        text="Paid by Ada on 1 May", spans={"/payer": (8, 11), "/date": (15, 20)}, template="t", distractors=2
    )


def test_the_first_statement_of_a_leaf_is_the_one_remembered() -> None:
    draft = Draft()
    draft.state("/payer", "Ada")
    draft.state("/payer", "Ada")
    assert draft.document(template="t").spans == {"/payer": (0, 3)}
