/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_SCENES_BLOCKS_H
#define MPROC_TESTS_SCENES_BLOCKS_H

/*
 * What the scenes of blocks are made of.
 */

#include "stage.h"

/* What the actor does. */
apr_status_t reserve_and_cancel(actor_t *actor);
apr_status_t put_block(actor_t *actor);
apr_status_t acquire_block(actor_t *actor);
apr_status_t acquire_and_release(actor_t *actor);
apr_status_t leave_with_blocks(actor_t *actor);

/* Victims. */
apr_status_t die_allocating(mproc_task_t *task);
apr_status_t die_acquiring(mproc_task_t *task);
apr_status_t die_with_blocks(mproc_task_t *task);
apr_status_t hold_until_killed(mproc_task_t *task);

/* What is there before. */
void put_three_blocks(stage_t *stage);
void use_blocks_before(stage_t *stage);
void hold_allocating(stage_t *stage);
void hold_all_blocks(stage_t *stage);
void let_one_die_allocating(stage_t *stage);
void let_one_die_acquiring(stage_t *stage);
void let_one_die_with_blocks(stage_t *stage);
void let_one_hold_all_blocks(stage_t *stage);

/* Survivors that are at work meanwhile. */
apr_status_t release_allocating(void *data);
apr_status_t cancel_for_who_waits(void *data);
apr_status_t kill_for_who_waits(void *data);

#endif
