/* A ping-pong pair of two buffers: a writer, which may die at any step and is followed by another one, a checked reader or, -DPINNED, a pinned one (core/pingpong.c, core/pin.c).
 * What the writer stores lingers: each word has a store buffer of its own, emptied at any time and in any order (PSO), but by a fence, a release or a swap.
 * Every commit writes its number into both halves of the buffer; what a reader calls sound must be both halves of the commit that it named.
 * A pin that was not revoked must have kept the writer away.
 *   -DNOFENCE    no fence between the odd counter and the first byte: torn, and called sound
 *   -DLATELOOK   the reader's second look at the counter comes before its last byte: the same
 *   -DNORECHECK  the reader does not look at the state again after the counter: another commit than it names
 *   -DLATEPIN    the pin lingers while its reader looks again: overwritten though pinned
 *   -DLATEFLIP   the flip lingers while the writer looks at the pins: the same
 *   -DNOLOOK     the reader does not compare the buffer that it pinned with the one that is active then: the same
 *   -DNOREPAIR   who takes over does not compare the epoch with the state: the parity is lost for ever */
#ifndef PINNED
#define PINNED 0
#endif
#ifndef COMMITS
#define COMMITS 3
#endif
byte act, seq;                  /* the state word: the active buffer, commits */
byte begun[2], d0[2], d1[2], epoch, pin;        /* pin: 1 + the buffer; 0: none */
bit dead, over; byte lives;
bit pb, p0, p1, pf, pp; byte vb, v0, v1, vf, vp, at;    /* store buffers: of the counter, of both halves, of the flip, of the pin */
#define EMPTY (!pb && !p0 && !p1 && !pf)
/* a step of the writer: or it dies */
#define W(code) atomic { if :: !over && lives==0 -> dead=1; goto gone :: true fi; code }

proctype writer() { byte x, a, q;
  atomic { EMPTY; a=act; q=seq }                             /* B1 claim: what the dead stored has arrived */
#if !NOREPAIR
  W( if :: (epoch&1)!=a -> epoch++ :: else fi );                /* B2 repair */
#endif
  do
  :: q<COMMITS -> x=1-a;
     /* B3: choose; a pin is waited for, or its term is over and it is revoked */
     if :: atomic { pin!=1+x -> skip } :: W( if :: pin==1+x -> pin=0 :: else fi ) fi;
     /* B4: odd, and it stays so until the commit */
     W( pb=1; vb=begun[x]|1; at=x );
#if !NOFENCE
     (!pb);                                                     /* B5 */
#endif
     W( p0=1; v0=q+1; at=x ); W( p1=1; v1=q+1 );
     (!pb && !p0 && !p1);                                       /* C1: release */
     W( pb=1; vb=(begun[x]|1)+1 );
     /* C2: flip */
#if LATEFLIP
     (!pb); W( pf=1; vf=x );
#else
     W( EMPTY; act=x; seq=q+1 );
#endif
     a=x; q=q+1;
     W( epoch++ )                                               /* C3 signal */
  :: else -> break
  od;
  EMPTY; assert((epoch&1)==act); over=1; goto end;
gone: EMPTY; dead=0; lives=1; run writer();
end: skip }

proctype buffers() {
end: do
  :: atomic { pb -> begun[at]=vb; pb=0 }
  :: atomic { p0 -> d0[at]=v0; p0=0 }
  :: atomic { p1 -> d1[at]=v1; p1=0 }
  :: atomic { pf -> act=vf; seq=seq+1; pf=0 }
  :: atomic { pp -> pin=vp; pp=0 }
  od }

/* L: look_once: what is read, or another try */
inline look() {
  atomic { b=act; q=seq };
  g=begun[b];
#if NORECHECK
  if :: g&1 -> goto again :: else fi;
#else
  atomic { if :: act!=b || seq!=q || (g&1) -> goto again :: else fi };
#endif
}
inline read() {
  r0=d0[b];
#if LATELOOK
  h=begun[b]; r1=d1[b]
#else
  r1=d1[b]; h=begun[b]                                          /* E1: is_sound */
#endif
}

proctype checked() { byte b, q, g, h, r0, r1, n;
again: n++; if :: n>2 -> goto end :: else fi;
  look(); read();
  assert(g!=h || (r0==q && r1==q));
  if :: goto again :: skip fi;
end: skip }

proctype pinned() { byte b, q, g, h, r0, r1, n, mine; bit kept;
again: n++;
  /* E2: unpin */
  (!pp); atomic { if :: mine && pin==mine -> pin=0 :: else fi; mine=0 };
  if :: n>2 -> goto end :: else fi;
  atomic { b=act; q=seq; mine=1+b };
#if LATEPIN
  pp=1; vp=mine;                                                /* A1 */
#else
  pin=mine;                                                     /* A1: announce */
#endif
#if NOLOOK
  look();
#else
  atomic { if :: act!=b || seq!=q -> goto again :: else fi };   /* A2: look again */
  look();
  if :: mine!=1+b -> goto again :: else fi;
#endif
  read();
  (!pp); atomic { kept=(pin==mine); if :: kept -> pin=0 :: else fi; mine=0 };   /* E2 */
  assert(!kept || (g==h && r0==q && r1==q));
  if :: goto again :: skip fi;
end: skip }

init { atomic { run buffers(); run writer(); if :: PINNED -> run pinned() :: else -> run checked() fi } }
