/* Starts a keeper, waits for its end, reads what it wrote. Where the runtime gives up meanwhile, all that runs is ended first. */
#define _GNU_SOURCE
#include "perform.h"
#include "daemon_client.h"
#include "process_tree.h"
#include "run_request.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK 65536

static struct {
	struct given given;
	bool given_up, ended;
	pid_t keeper;
	int status;
} here;

void perform_for(const struct given *given)
{
	here.given = *given;
}

static void note_end(pid_t child, int status)
{
	if (child != here.keeper)
		return;
	here.ended = true;
	here.status = status;
}

static void give_up(void)
{
	here.given_up = true;
	end_descendants(note_end);
	let_go_of_runtime();
}

static void reap(void)
{
	struct signalfd_siginfo ignored;
	pid_t child;
	int status;
	(void)!read(here.given.signals, &ignored, sizeof ignored);
	while ((child = waitpid(-1, &status, WNOHANG)) > 0)
		note_end(child, status);
}

static void look(int milliseconds)
{
	struct pollfd watched[] = {{here.given_up ? -1 : here.given.alive, 0, 0}, {here.given.signals, POLLIN, 0}};
	if (poll(watched, 2, milliseconds) < 0)
		return; /* EINTR, or a shortage that passes */
	if (watched[0].revents)
		give_up();
	if (watched[1].revents)
		reap();
}

bool given_up(void)
{
	if (!here.given_up)
		look(0);
	return here.given_up;
}

static void set(struct ran *ran, const char *outcome, int number)
{
	ran->outcome = span_of(outcome);
	ran->number = (uint64_t)number;
	ran->out = ran->err = span_of("");
}

/* The result file is a whole RAN frame. */
static void read_result(struct ran *ran, int file)
{
	struct frame frame;
	ssize_t got = 1;
	ran->frame.size = 0;
	lseek(file, 0, SEEK_SET);
	while (got > 0 && buffer_room(&ran->frame, CHUNK)) {
		got = read(file, ran->frame.bytes + ran->frame.size, CHUNK);
		if (got > 0)
			ran->frame.size += (size_t)got;
	}
	struct span input = filled(&ran->frame), id;
	if (ran->frame.lost)
		no_memory();
	if (frame_take(&input, &frame) != TAKEN_FRAME || !next_field(&frame.fields, &id) || !next_field(&frame.fields, &ran->outcome) ||
	    !next_number(&frame.fields, &ran->number) || !next_field(&frame.fields, &ran->out) || !next_field(&frame.fields, &ran->err))
		set(ran, "killed", SIGKILL);
}

/* A keeper that was killed left its plugin's descendants to us: nothing may act once the run is told as ended. */
static void collect(struct ran *ran, int result)
{
	while (!here.ended)
		look(-1);
	if (WIFSIGNALED(here.status))
		end_descendants(note_end);
	if (WIFEXITED(here.status) && !WEXITSTATUS(here.status))
		read_result(ran, result);
	else if (WIFEXITED(here.status))
		set(ran, "failed", WEXITSTATUS(here.status));
	else
		set(ran, "killed", WTERMSIG(here.status));
}

static void start(struct ran *ran, struct order *order)
{
	order->result = memory_file("netattach-ran");
	if (order->result < 0) {
		set(ran, "failed", errno);
		return;
	}
	order->signals = here.given.signals;
	order->runner = getpid();
	here.ended = false;
	here.keeper = fork();
	if (here.keeper < 0) {
		set(ran, "failed", errno);
	} else if (!here.keeper) {
		close(here.given.alive);
		keep(order);
	} else
		collect(ran, order->result);
	close(order->result);
}

void perform(struct ran *ran, struct span run)
{
	struct order order;
	switch (order_read(run, &order)) {
	case ORDER_GIVEN:
		start(ran, &order);
		return;
	case ORDER_NOT_FOUND:
		set(ran, "not-found", 0);
		return;
	default:
		set(ran, "refused", 0);
	}
}
