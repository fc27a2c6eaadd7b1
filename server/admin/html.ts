// Pages: nunjucks over web/templates, everything escaped. What a template names has to be there.
import type { Request, Response } from 'express'
import nunjucks from 'nunjucks'
import type { Actor } from './actor.ts'
import type { Assets } from './assets.ts'
import type { Identity } from './identify.ts'
import type { Entry, Place } from './navigation.ts'
import { ownPlacesFor, placesFor } from './navigation.ts'
import { csrfTokenOf } from './secrets.ts'

/** What the layout shows, beside what a page gives it. */
type Frame = Readonly<{
  actor: Actor | null
  csrf: string | null
  places: readonly Entry[]
  ownPlaces: readonly Place[]
}>

export type Html = Readonly<{
  /** @throws when the template is missing or names what is not there */
  send: (
    request: Request,
    response: Response,
    who: Identity | null,
    template: string,
    view: object,
    status: number,
  ) => void
}>

/** @param folder of the templates, each with `{% extends "layout.html" %}` */
export function openHtml(folder: string, assets: Assets): Html {
  const environment = new nunjucks.Environment(new nunjucks.FileSystemLoader(folder), {
    autoescape: true,
    throwOnUndefined: true,
    trimBlocks: true,
    lstripBlocks: true,
  })
    .addGlobal('asset', assets.url)
    .addFilter('time', showTime)
    .addFilter('sentence', sentence)
    .addFilter('number', (count: number) => count.toLocaleString('en'))
  return {
    send: (request, response, who, template, view, status) => {
      const frame: Frame = {
        actor: who?.actor ?? null,
        csrf: who === null || who.session === null ? null : csrfTokenOf(who.session),
        places: who === null ? [] : placesFor(who.actor.role, request.path),
        ownPlaces: who === null ? [] : ownPlacesFor(who.actor.role, request.path),
      }
      response
        .status(status)
        .type('html')
        .send(environment.render(template, { ...view, ...frame }))
    },
  }
}

/** `2026-11-23 12:00 UTC`, of a time as the store has it. */
const showTime = (iso: string): string => iso.replace(/^(.{10})T(.{5}).*$/, '$1 $2 UTC')

/** A refusal as it stands on a page. */
export const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
