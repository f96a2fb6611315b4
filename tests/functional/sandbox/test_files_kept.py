"""What is peculiar about files is kept, and what does not fit into a computer any more keeps nobody from having one."""

from dataclasses import replace

from tests.functional.sandbox.yards import Yard, kill_computer

LINKED = "stat -c '%n %h %i' a d/b d/c | sort | awk '{print $1, $2, ($3 == first || !first)} {first = $3}'"


def test_names_of_one_file_stay_names_of_one_file(yard: Yard) -> None:
    made = yard.create()
    yard.run(made.id, "mkdir d && head -c 3000000 /dev/urandom > a && ln a d/b && ln a d/c && : > e && ln e d/e")
    yard.sync(made.id)
    kill_computer(yard, made.id)
    assert yard.run(made.id, LINKED) == (0, "a 3 1\nd/b 3 1\nd/c 3 1\n")
    assert yard.run(made.id, "echo more >> d/b; tail -c 5 a; stat -c %h e") == (0, "more\n2\n")


def test_names_that_part_and_names_that_come_are_kept(yard: Yard) -> None:
    made = yard.create()
    yard.run(made.id, "mkdir d && echo 1 > a && ln a d/b && ln a d/c")
    yard.sync(made.id)
    yard.run(made.id, "rm a && mv d e && echo other > a && ln e/b late && cp -p a copy")
    yard.sync(made.id)
    kill_computer(yard, made.id)
    said = yard.run(made.id, "cat a copy e/b e/c late; stat -c '%n %h' a copy e/b e/c late")
    assert said == (0, "other\nother\n1\n1\n1\na 1\ncopy 1\ne/b 3\ne/c 3\nlate 3\n")


def test_a_folder_with_the_file_that_others_name_may_move(yard: Yard) -> None:
    made = yard.create()
    yard.run(made.id, "mkdir d && echo 1 > d/a && ln d/a z")
    yard.sync(made.id)
    yard.run(made.id, "mv d e")
    yard.sync(made.id)
    kill_computer(yard, made.id)
    assert yard.run(made.id, "cat e/a z; ls") == (0, "1\n1\ne\nz\n")


def test_holes_stay_holes(yard: Yard) -> None:
    made = yard.create()
    yard.run(
        made.id, "truncate -s 200M a && echo x | dd of=a seek=100M oflag=seek_bytes conv=notrunc && sha256sum a > s"
    )
    yard.sync(made.id)
    kill_computer(yard, made.id)
    said = yard.run(made.id, "sha256sum -c s; test $(du -k a | cut -f 1) -lt 64 && echo small; stat -c %s a")
    assert said == (0, "a: OK\nsmall\n209715200\n")


def test_what_has_no_room_any_more_is_told_and_not_lost(yard: Yard) -> None:
    made = yard.create()
    yard.run(made.id, "head -c 30000000 /dev/urandom > big && echo kept > small && sha256sum big > s")
    yard.sync(made.id)
    computers, usual = yard.services.sandboxes._computers, yard.services.sandboxes._computers._rules
    computers._rules = replace(usual, limits=replace(usual.limits, disk_mib=8))
    kill_computer(yard, made.id)
    assert yard.run(made.id, "cat small; ls; echo new > n") == (0, "kept\ns\nsmall\n")
    computer = yard.services.sandboxes.get(yard.space, made.id).computer
    assert computer is not None
    assert [problem.split(":")[1].strip() for problem in computer.problems] == ["/workspace/big"]
    yard.sync(made.id)
    computers._rules = usual
    kill_computer(yard, made.id)
    assert yard.run(made.id, "sha256sum -c s; cat n") == (0, "big: OK\nnew\n")
