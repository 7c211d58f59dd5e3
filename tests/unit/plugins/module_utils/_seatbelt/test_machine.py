# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Scheme of profiles: what is evaluated, what is said to be opaque, and that there is an end to everything."""

from __future__ import annotations

import time

import pytest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt import printer
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.errors import ReadError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.lint import lint
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.machine import Limits
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.profile import load, place_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.values import Hole, Rule


def loaded(text, **options):
    return load("(version 1)" + text, **options)


def rules(text, **options):
    """Each rule as: action, operations, values of its filters."""
    profile = loaded(text, **options)
    assert not profile.refused() and not profile.holes, (profile.refused(), profile.holes)
    return [(rule.action, " ".join(rule.operations), [value for one in rule.filters for value in one.values]) for rule in profile.rules]


def reads(text, **options):
    """The paths of all rules that allow reading."""
    return [value for action, operation, values in rules(text, **options) for value in values if operation == "file-read*"]


READS = [
    ('(define p "/a")(allow file-read* (subpath p))', ["/a"]),
    ('(define (r p) (allow file-read* (subpath p)))(r "/a")(r "/b")', ["/a", "/b"]),
    ('(define (r . ps) (apply allow file-read* (map subpath ps)))(r "/a" "/b")', ["/a", "/b"]),
    ('(for-each (lambda (p) (allow file-read* (subpath (string-append p "/x")))) (list "/a" "/b"))', ["/a/x", "/b/x"]),
    ('(let ((p "/a") (q "/b")) (allow file-read* (literal p) (literal q)))', ["/a", "/b"]),
    ('(let* ((p "/a") (q (string-append p "/b"))) (allow file-read* (literal q)))', ["/a/b"]),
    ('(letrec ((f (lambda (n) (if (= n 0) "/a" (f (- n 1)))))) (allow file-read* (literal (f 3))))', ["/a"]),
    ('(let loop ((n 1)) (when (<= n 3) (allow file-read* (literal (string-append "/" (number->string n)))) (loop (+ n 1))))', ["/1", "/2", "/3"]),
    ('(if (param "X") (allow file-read* (subpath (param "X"))))', []),
    ('(if (string=? "a" "b") (allow file-read* (literal "/a")) (allow file-read* (literal "/b")))', ["/b"]),
    ('(unless (defined? (quote nobody)) (allow file-read* (literal "/a")))', ["/a"]),
    ('(when (defined? (quote file-read*)) (allow file-read* (literal "/a")))', ["/a"]),
    ('(cond ((param "X") (allow file-read* (literal "/x"))) ((null? (quote ())) (allow file-read* (literal "/a"))) (else (allow default)))', ["/a"]),
    ('(begin (allow file-read* (literal "/a")) (allow file-read* (literal "/b")))', ["/a", "/b"]),
    ('(define n 1)(set! n (+ n 1))(if (and (= n 2) (not (or #f (= n 3)))) (allow file-read* (literal "/a")))', ["/a"]),
    ('(allow file-read* (path-ancestors "/a/b/c"))', ["/", "/a", "/a/b"]),
    ('(allow file-read* (literal (substring "x/a" 1)))', ["/a"]),
    ('(define (home-subpath p) (subpath (string-append (param "HOME") p)))(allow file-read* (home-subpath "/a"))', ["/Users/x/a"]),
    ('(define when 1)(allow file-read* (literal "/a"))', ["/a"]),
    # Macros of all three manners, with data put in, spliced in, and at the end of pairs.
    ('(define-macro (r . ps) `(allow file-read* ,@(map (lambda (p) `(subpath ,p)) ps)))(r "/a" "/b")', ["/a", "/b"]),
    ('(macro (r form) `(allow file-read* (subpath ,(cadr form))))(r "/a")', ["/a"]),
    ('(define-macro r (lambda (form) (cons (quote allow) (cons (quote file-read*) (cdr form)))))(r (literal "/a"))', ["/a"]),
    ('(define-macro (unless-set k . body) `(if (param ,k) #f (begin ,@body)))(unless-set "X" (allow file-read* (literal "/a")))', ["/a"]),
    ('(define-macro (unless-set k . body) `(if (param ,k) #f (begin ,@body)))(unless-set "HOME" (allow file-foo*))', []),
    ('(define-macro (fn name . body) `(define (,name . args) ,@body))(fn r (allow file-read* (literal (car args))))(r "/a")', ["/a"]),
    ('(define-macro (twice x) (let ((n (gensym))) `(let ((,n ,x)) ,n ,n)))(twice (allow file-read* (literal "/a")))', ["/a"]),
    ('(define-macro (m x) (if (string? x) `(allow file-read* (literal ,x)) (quote ())))(m "/a")(m b)', ["/a"]),
    ('(let () (define-macro (m) `(allow file-read* (literal "/in"))) (m))', ["/in"]),
    ('(define-macro (m n) (if (> n 0) `(begin (allow file-read* (literal "/a")) (m ,(- n 1)))))(m 2)', ["/a", "/a"]),
    ('(define (when x) (allow file-read* (literal x)))(when "/a")', ["/a"]),
    ('(define (f when) (when "/a"))(f (lambda (p) (allow file-read* (literal p))))(when #t (allow file-read* (literal "/b")))', ["/a", "/b"]),
    ('(let ((do (lambda (p) (allow file-read* (literal p))))) (do "/a"))(do () (#t))', ["/a"]),
    ('(define if list)(if #f (allow default) (allow file-read* (literal "/a")))', ["/a"]),
    ('(let ((x (quote (1 . 2)))) (if (and (pair? x) (not (list? x)) (= (cdr x) 2)) (allow file-read* (literal "/a"))))', ["/a"]),
    ('(allow file-read* (literal (cdr (assoc "k" (quote (("j" . "/j") ("k" . "/k")))))))', ["/k"]),
    ('(if (memq (quote b) (quote (a b))) (allow file-read* (literal "/a")))', ["/a"]),
    ('(for-each (lambda (p) (allow file-read* (literal p))) (filter string? (list 1 "/a" #t "/b")))', ["/a", "/b"]),
    ('(eval (list (quote allow) (quote file-read*) (list (quote literal) "/a")))', ["/a"]),
    ('(if (equal? `(1 `,(2 ,(+ 1 2))) (quote (1 (quasiquote (unquote (2 3)))))) (allow file-read* (literal "/a")))', ["/a"]),
    # Loops and choices.
    ('(do ((n 1 (+ n 1)) (p "/a" (string-append p "/a"))) ((= n 3) (allow file-read* (literal "/z"))) (allow file-read* (literal p)))', ["/a", "/a/a", "/z"]),
    ('(do ((n 0 (+ n 1)) (last "/x")) ((= n 1)) (allow file-read* (literal last)))', ["/x"]),
    ('(case (+ 1 1) ((1) (allow default)) ((2 3) (allow file-read* (literal "/a"))) (else (allow default)))', ["/a"]),
    ('(case (quote b) ((a) (allow default)) (else (allow file-read* (literal "/a"))))', ["/a"]),
    ('(case "b" (("a") (allow default)) (else (allow file-read* (literal "/b"))))', ["/b"]),
]


@pytest.mark.parametrize(("text", "paths"), READS, ids=[case[0][:40] for case in READS])
def test_what_is_evaluated(text, paths):
    params = {"HOME": "/Users/x"}
    assert reads(text, params=params) == paths


def test_rules():
    assert rules("(allow process-exec file-read*)(deny default (with no-log))") == [("allow", "process-exec* file-read*", []), ("deny", "default", [])]
    assert rules('(allow (literal "/a") file-read* (with report) file-write*)') == [("allow", "file-read* file-write*", ["/a"])]
    assert rules("(allow qtn-download)(debug deny)(debug all)(trace \"x\")") == []
    assert rules("(allow sysctl-read (sysctl-name \"hw.ncpu\"))") == [("allow", "sysctl-read", ["hw.ncpu"])]


def test_modifiers():
    (rule,) = loaded('(deny file-write* (literal "/a") (with send-signal SIGKILL) (with message "no"))').rules
    assert [(one.name, len(one.arguments)) for one in rule.modifiers] == [("send-signal", 1), ("message", 1)]


def test_what_is_put_around_rules():
    (first, second) = loaded('(with-filter (vnode-type DIRECTORY) (allow file-read* (subpath "/a")) (allow file-ioctl))').rules
    assert first.filters[0].name == "require-all" and second.filters[0].name == "vnode-type"
    (third,) = loaded('(with-modifier (with report) (allow file-read*))').rules
    assert third.modifiers[0].name == "report"


def test_imports():
    imports = {"base.sb": '(version 1)(define root "/a")(import "more.sb")', "more.sb": '(allow file-read* (subpath "/more"))'}
    assert reads('(import "base.sb")(allow file-read* (subpath root))', imports=imports) == ["/more", "/a"]
    with pytest.raises(ReadError, match="^bad.sb, line 2, column 1: "):
        loaded('(import "bad.sb")', imports={"bad.sb": "\n)"})
    assert "imports itself" in loaded('(import "a.sb")', imports={"a.sb": '(import "a.sb")'}).refused()


def test_an_import_that_is_not_there_is_said():
    profile = loaded('(import "system.sb")\n(system-network)(allow file-read* (subpath root))')
    assert [(hole.action, hole.form.position()[0]) for hole in profile.holes] == [("", 1), ("", 2)]
    # Of the rule is known what it is about, and not when it holds.
    assert isinstance(profile.rules[2], Rule)
    assert "system.sb was not supplied" in profile.holes[0].why
    # A name may be defined there, so it is no error.
    assert not profile.refused()


OPAQUE = [
    "(import \"x\")(do ((n 1 (+ n 1))) (somewhere) (allow default))",
    "(import \"x\")(case somewhere ((1) (car 1)))(for-each allow somewhere)",
    '(case "a" (("a") (allow default)))',
    "(if (eq? 1 1) (allow default))(for-each allow (call/cc car))",
    "(define-syntax m (syntax-rules () ((m x) (allow x))))(m default)",
    "(import \"x\")(define-macro (m a) `(allow ,somewhere))(m default)",
    "(import \"x\")(define-macro (m a) `(allow ,@somewhere))(m default)",
    "(import \"x\")(somewhere (allow))",
    "(define-macro (m a) (list (quote allow) a))(map m (list default))",
    "(let ((v (vector 1))) (for-each allow v))",
    "(define-macro m allow)(m default)",
    "(import \"x\")(if somewhere (define-macro (m a) a))(m default)",
    "(import \"x\")(for-each allow somewhere)",
    "(with-operations (quote (default)) (allow))",
]


@pytest.mark.parametrize("text", OPAQUE)
def test_what_is_not_evaluated_is_said(text):
    profile = loaded(text)
    assert profile.holes and not profile.refused()
    assert not any(isinstance(rule, Rule) and rule.certain for rule in profile.rules)


def test_both_branches_of_what_is_not_known():
    profile = loaded('(import "x")(define n 1)(if somewhere (set! n 2) (allow file-read*))(if (= n 1) (deny file-write*))')
    kinds = [(rule.operations[0], rule.certain) for rule in profile.rules if isinstance(rule, Rule)]
    assert kinds == [("file-read*", False), ("file-write*", False)]


ENDLESS = [
    "(define-macro (m) `(m))(m)",
    "(define-macro (m) `(begin (m) (m)))(m)",
    "(define-macro (m x) `(m (,x ,x)))(m 1)",
    "(define-macro (m x) `(m (1 ,x)))(m 1)",
    "(define-macro (m x) `(quasiquote (m ,x)))(define (f x) (f (eval (list (quote m) x))))(f 1)",
    "(define (f l) (f (list l (equal? l (list l)))))(f 1)",
    "(do ((n 0 n)) (#f) (allow file-read*))",
    "(do ((l 1 (list l l)) (n 0 (+ n 1))) ((= n 300) (eval l)))",
    "(define (f l m n) (if (= n 0) (equal? l m) (f (list l l) (list m m) (- n 1))))(f 1 2 90)(f 1 1 90)",
    "(do ((l 1 (list l))) (#f) (allow file-read* (literal \"/a\")))",
    "(define (f) (f))(f)",
    "(define (f) (+ 1 (f)))(f)",
    "(let loop ((n 0)) (allow file-read*) (loop (+ n 1)))",
    '(define (f s) (f (string-append s s)))(f "x")',
    "(define (f l) (f (append l l)))(f (list 1))",
    "(define (f n) (f (* n n)))(f 3)",
    "(define (f) (f) (f))(f)",
    "(define (f g) (g g))(f f)",
    "(import \"x\")(define (f) (if somewhere (begin (f) (f)) (begin (f) (f))))(f)",
]


@pytest.mark.parametrize("text", ENDLESS)
def test_there_is_an_end(text):
    started = time.process_time()
    profile = loaded(text + "(allow default)", limits=Limits(steps=20_000))
    assert time.process_time() - started < 5
    assert profile.refused() or "nothing from here on was evaluated" in profile.holes[-1].why
    # What was made on the way can be shown.
    lint(profile)
    # What was not reached may hold rules.
    assert profile.refused() or isinstance(profile.rules[-1], Hole)


WRONG = [
    ("\n(allow file-foo*)", "line 2, column 8: unbound variable: file-foo*"),
    ("(allow)", "names no operation"),
    ('(allow "x")', "illegal argument: x"),
    ("(allow file-read* 7)", "illegal argument: 7"),
    ("(allow file-read* (subpath))", "without a pattern"),
    ('(allow file-read* (subpath ""))', "empty subpath pattern"),
    ('(allow file-read* (subpath (param "X")))', "invalid data type of path filter; expected pattern, got boolean"),
    ('(allow file-read* (subpath (string-append (param "X") "/a")))', "string-append: argument 1 must be: string"),
    ('(allow network-outbound (remote ip "1.2.3.4:80"))', "host must be * or localhost in network address"),
    ('(allow network-outbound (remote ip "localhost:0"))', "invalid port in network address"),
    ('(allow network-outbound (remote ip "localhost:1-9"))', "in network address"),
    ('(allow network-outbound (remote "x"))', "needs a protocol"),
    ("(deny default (with nothing))", "unbound variable: nothing"),
    ("(allow file-read* (require-not))", "illegal argument of require-not"),
    ("(define)", "define is too short"),
    ("(if)", "if is too short"),
    ("(let ((1 2)) 3)", "needs a name"),
    ("(car (list))", "car of a list that is too short"),
    ("(cdadr (list 1 (list)))", "cdadr of a list that is too short"),
    ('(if (not (param "X")) (error "X is" (quote needed)))', "X is needed"),
    ("(define-macro (m a) a)(m)", "m takes 1 arguments and got 0"),
    ("(define-macro (m a) `(allow ,a))\n  (m file-foo*)", "line 2, column 3: unbound variable: file-foo*"),
    ("(define-macro (m) (list 1 2))(m)", "is no function"),
    ("(do ((1 2)) (#t))", "do needs a name"),
    ("(do () ())", "do needs a list of names and a list with a test"),
    ("(quasiquote)", "quasiquote is too short"),
    ("`(1 ,@2)", "unquote-splicing of what is no list"),
    ("(\"x\")", "is no function"),
    ("((lambda (x) x))", "takes 1 arguments and got 0"),
    ("(allow file-ioctl (ioctl-command TIOCSTI))", "unbound variable: TIOCSTI"),
    ("(allow file-read* (path-ancestors \"a\"))", "absolute paths"),
]


@pytest.mark.parametrize(("text", "what"), WRONG)
def test_what_macos_refuses(text, what):
    assert what in loaded(text).refused()


def test_a_wrong_call_in_a_branch_that_may_not_be_taken_refuses_nothing():
    profile = loaded('(import "x")(if somewhere (allow file-foo*))', imports={})
    assert not profile.refused()


def test_the_version_counts():
    assert "unbound variable: file-clone" in load("(version 1)(allow file-clone)", macos="10.13").refused()
    assert not load("(version 1)(allow file-clone)", macos="10.14.6").refused()
    assert "unbound variable: load-unsigned-code" in load("(version 1)(allow load-unsigned-code)", macos="26.1").refused()
    with pytest.raises(ValueError):
        load("(version 1)", macos="10.11")


def test_where_rules_of_macros_stand():
    text = '\n(define-macro (r p) `(allow file-read* (subpath ,p)))\n(define-macro (all . rules) `(begin ,@rules))\n(r "/a")\n(all\n  (deny file-write*))'
    first, second = loaded(text).rules
    # What a macro makes stands where it is called; what it was given, where it is written.
    assert (first.form.position(), second.form.position(), second.top.position()) == ((4, 1), (6, 3), (5, 1))
    assert printer.write([first.form]) == '(allow file-read* (subpath "/a"))\n'


def test_what_an_unknown_macro_is_given_is_no_error():
    profile = loaded('(import "x")(somewhere (subpath) (allow file-read*))')
    assert not profile.refused()
    assert [rule.certain for rule in profile.rules if isinstance(rule, Rule)] == [False]


def test_places_of_problems_in_imports():
    profile = loaded('(import "x.sb")', imports={"x.sb": "\n\n  (allow nothing-at-all)"})
    (problem,) = profile.problems
    assert place_of(problem.form, problem.at) == "x.sb, line 3, column 10"
